"""Keys, tokens, passwords, addresses and limits: what is read, what is refused, and that nothing is let through."""

from __future__ import annotations

import threading
import time

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace.accounts import passwords
from millrace.accounts.api_keys import ApiKey, new_key, read_key
from millrace.accounts.passwords import MOST_WAITING, check_rules, hash_password, verify_password
from millrace.errors import BusyError, RequestError, SettingsError
from millrace.secret_files import made_once
from serving.access.addresses import Networks, counted_address, real_address
from serving.access.callers import Caller
from serving.access.limits import read_limit
from serving.access.secret_files import new_password, signing_secret
from serving.access.settings import access_settings
from serving.access.throttle import wait_after
from serving.access.tokens import ISSUER, AccessTokens, RefreshToken, new_refresh_token, read_refresh_token

SECRET = "s" * 40
TOKENS = AccessTokens(SECRET, 900)
HEX = "0123456789abcdef"


@pytest.fixture(scope="module", autouse=True)
def cheap_passwords():
    """Nothing is cheaper here than a guesser has it."""


@given(st.text(HEX, min_size=12, max_size=12), st.text(HEX, min_size=64, max_size=64))
def test_a_key_survives_its_text_form(identity, secret):
    key = ApiKey(identity, secret)
    assert read_key(str(key)) == key
    assert key.fits(key.digest)
    assert secret not in repr(key)
    assert secret not in key.digest


@given(st.one_of(st.text(), st.text("mr_" + HEX, max_size=90)))
def test_other_text_is_no_key_unless_it_is_exactly_one(text):
    key = read_key(text)
    assert key is None or str(key) == text


def test_fresh_keys_differ_and_one_does_not_fit_the_other():
    first, second = new_key(), new_key()
    assert first.id != second.id
    assert not first.fits(second.digest)


@given(st.text(min_size=1), st.text(min_size=1))
def test_an_access_token_says_who_and_which_session(user, session):
    said = TOKENS.read(TOKENS.make(user, session))
    assert said is not None
    assert (said.user, said.session) == (user, session)


@given(st.one_of(st.text(), st.text("eyJ.-_" + HEX), st.integers(0, 10_000)))
def test_a_token_that_was_touched_is_refused(change):
    token = TOKENS.make("anna", "s1")
    if isinstance(change, int):
        place = change % len(token)
        change = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
    said = TOKENS.read(change)
    # base64 leaves some bits of a last character unused: such a text is another spelling of the same token.
    assert said is None or (said.user, said.session) == ("anna", "s1")


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1},
        {"iss": "elsewhere"},
        {"typ": "refresh"},
        {"sid": 5},
        {"sid": None},
        {"exp": None},
    ],
)
def test_claims_that_do_not_fit_are_refused(claims):
    moment = time.time()
    whole = {"iss": ISSUER, "typ": "access", "sub": "anna", "sid": "s", "iat": moment, "exp": moment + 60, **claims}
    present = {name: value for name, value in whole.items() if value is not None}
    assert TOKENS.read(jwt.encode(present, SECRET, "HS256")) is None


def test_a_token_of_a_host_whose_clock_is_ahead_counts():
    moment = time.time() + 30
    claims = {"iss": ISSUER, "typ": "access", "sub": "anna", "sid": "s", "iat": moment, "exp": moment + 60}
    assert TOKENS.read(jwt.encode(claims, SECRET, "HS256")).user == "anna"


def test_a_token_without_a_signature_or_of_another_secret_is_refused():
    claims = jwt.decode(TOKENS.make("anna", "s"), options={"verify_signature": False})
    assert TOKENS.read(jwt.encode(claims, None, "none")) is None
    assert TOKENS.read(AccessTokens("t" * 40, 900).make("anna", "s")) is None


@given(st.one_of(st.text(), st.text(HEX + ".", max_size=100)))
def test_other_text_is_no_refresh_token(text):
    token = read_refresh_token(text)
    assert token is None or str(token) == text


def test_a_refresh_token_goes_on_in_its_session():
    first = new_refresh_token()
    second = new_refresh_token(first.session)
    assert read_refresh_token(str(second)) == second == RefreshToken(first.session, second.secret)
    assert first.digest != second.digest
    assert first.secret not in repr(first)


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("elevenchars", "11 characters"),
        ("x" * 257, "257 characters"),
        ("abababababab", "fewer than 5"),
        ("Anna-likes-mills", "the user's name"),
        ("Password123456", "a common word"),
    ],
)
def test_weak_passwords_are_refused(password, words):
    with pytest.raises(RequestError, match=words):
        check_rules(password, "anna")


def test_a_password_is_kept_by_argon2_only():
    stored = hash_password("a brass wheel turns")
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert verify_password("a brass wheel turns", stored)
    assert not verify_password("a brass wheel turn", stored)
    assert not verify_password("a brass wheel turns", None)
    check_rules("a brass wheel turns", "anna")


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("10.0.0.7", "10.0.0.7"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::7", "2001:db8:1:3::/64"),
        ("::ffff:10.0.0.7", "::ffff:10.0.0.7"),
        ("unknown", "unknown"),
    ],
)
def test_whoever_has_a_network_of_addresses_is_counted_once(address, counted):
    assert counted_address(address) == counted
    assert Caller("anonymous", "anonymous").counted_as(address) == f"address:{counted}"


TRUSTED = Networks("10.0.0.0/8, 127.0.0.1")


@pytest.mark.parametrize(
    ("peer", "forwarded", "real"),
    [
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"),  # what the caller wrote means nothing
        ("10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("203.0.113.5", "1.1.1.1", "203.0.113.5"),  # from a peer that is not trusted
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "x, 10.0.0.3", "10.0.0.3"),
        ("10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
        ("testclient", "1.1.1.1", "testclient"),
    ],
)
def test_the_address_behind_trusted_proxies(peer, forwarded, real):
    assert real_address(peer, forwarded, TRUSTED) == real


@given(st.text(), st.text())
def test_no_header_makes_an_untrusted_peer_another(peer, forwarded):
    if peer not in TRUSTED:
        assert real_address(peer, forwarded, TRUSTED) == peer


def test_networks():
    assert "10.1.2.3" in TRUSTED
    assert "11.1.2.3" not in TRUSTED
    assert "::ffff:10.1.2.3" in TRUSTED
    assert "nonsense" not in TRUSTED
    assert not Networks("")
    with pytest.raises(ValueError, match="nonsense"):
        Networks("nonsense")


def test_the_wait_after_wrong_passwords_doubles_up_to_minutes():
    waits = [wait_after("user", count) for count in range(1, 8)]
    assert waits == [0, 0, 1, 2, 4, 8, 16]
    assert wait_after("user", 10_000) == 300
    assert wait_after("address", 10_000) == 900


def test_a_secret_is_made_once_and_private(tmp_path):
    path = tmp_path / "new" / "secret"
    first = made_once(path, new_password)
    assert made_once(path, new_password) == first
    assert len(first) >= 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["secret"]


def test_the_signing_secret_is_given_read_or_made(tmp_path):
    assert signing_secret(tmp_path, SECRET, None) == SECRET
    file = tmp_path / "given"
    file.write_text(SECRET + "\n")
    assert signing_secret(tmp_path, None, file) == SECRET
    assert signing_secret(tmp_path, None, None) == signing_secret(tmp_path, None, None)
    file.write_text("changeme")
    with pytest.raises(SettingsError, match="8 characters"):
        signing_secret(tmp_path, None, file)
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="cannot be kept"):
        signing_secret(tmp_path / "file", None, None)
    with pytest.raises(SettingsError, match="cannot be read"):
        signing_secret(tmp_path, None, tmp_path / "absent")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SERVING_JWT_SECRET", "changeme"),
        ("SERVING_ANONYMOUS_ROLE", "king"),
        ("SERVING_ANONYMOUS_LIMIT", "many"),
        ("SERVING_ALLOWED_ADDRESSES", "10.0.0.0/33"),
        ("SERVING_TRUSTED_PROXIES", "proxy"),
        ("SERVING_PLANS", "[]"),
        ("SERVING_PLANS", '{"a": "often"}'),
    ],
)
def test_odd_settings_are_named_and_no_secret_is_told(tmp_path, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name) as told:
        access_settings(tmp_path)
    assert "changeme" not in str(told.value)


def test_limits_are_read():
    assert read_limit("none") is None
    assert str(read_limit("600/minute")) == "600 per 1 minute"
    with pytest.raises(ValueError, match="'often' is no limit"):
        read_limit("often")


def test_more_passwords_than_may_wait_are_refused_at_once():
    started, release = threading.Barrier(MOST_WAITING + 1), threading.Event()

    def held() -> None:
        with passwords._places:
            started.wait()
            release.wait()

    threads = [threading.Thread(target=held) for _ in range(MOST_WAITING)]
    for thread in threads:
        thread.start()
    started.wait()
    try:
        with pytest.raises(BusyError):
            hash_password("correct horse battery staple")
    finally:
        release.set()
        for thread in threads:
            thread.join()
    assert verify_password("correct horse battery staple", hash_password("correct horse battery staple"))

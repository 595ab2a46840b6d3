// Signing in, and choosing a password with a reset token.
import { h } from "../dom.js";
import { notice, pageHead } from "../parts.js";
import { choosePassword, person, signIn } from "../session.js";

export const tab = "sign-in";
export const title = () => "Sign in";
export const load = async () => ({ person: person() });
export const pause = () => 0;

export function draw() {
  return [pageHead("Sign in", "With the name and the password of your Millrace account."), signInForm(() => { location.hash = "#/pipelines"; })];
}

/** The form; `done` is called when somebody is signed in. */
export function signInForm(done) {
  const said = h("div", { "aria-live": "polite" });
  const name = field("username", "Name", { autocomplete: "username", autocapitalize: "none", spellcheck: "false" });
  const password = field("password", "Password", { type: "password", autocomplete: "current-password" });
  const form = formOf("Sign in", [name, password], async () => {
    const why = await signIn(name.input.value.trim(), password.input.value);
    password.input.value = "";
    said.replaceChildren(why ? notice("is-bad", null, [why]) : "");
    if (!why) done();
  });
  return h("div", { class: "card sign-in", keep: "sign-in" }, said, form,
    h("details", {}, h("summary", {}, "I have a reset token"), resetForm(said)));
}

function resetForm(said) {
  const reset = field("reset-token", "Reset token", { autocomplete: "off", spellcheck: "false" });
  const chosen = field("new-password", "New password", { type: "password", autocomplete: "new-password" });
  return formOf("Set password", [reset, chosen], async () => {
    const why = await choosePassword(reset.input.value.trim(), chosen.input.value);
    if (!why) for (const { input } of [reset, chosen]) input.value = "";
    said.replaceChildren(why ? notice("is-bad", null, [why])
      : notice("is-good", null, ["The new password is set. Sign in with it."]));
  });
}

function field(id, label, about) {
  const input = h("input", { id, name: id, type: "text", required: true, ...about });
  return { input, element: h("div", { class: "field" }, h("label", { for: id }, label), input) };
}

function formOf(verb, fields, work) {
  const button = h("button", { class: "button primary", type: "submit" }, verb);
  const submit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    await work();
    button.disabled = false;
  };
  return h("form", { onsubmit: submit, "aria-label": verb }, fields.map(({ element }) => element),
    h("div", { class: "form-end" }, button));
}

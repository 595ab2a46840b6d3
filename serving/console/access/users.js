// The users: admins make, change and remove them.
import { caller } from "../abilities.js";
import { changed, getAll, patch, post, remove } from "../api.js";
import { askFor, confirmed, showOnce } from "../dialogs.js";
import { h } from "../dom.js";
import { ago, exact } from "../format.js";
import { section, table, tag } from "../parts.js";

const ROLES = ["viewer", "operator", "admin"];
export const permission = "users";

export const load = () => getAll("api/v1/users", "users");

export function draw(users) {
  const add = h("button", { class: "button", type: "button", id: "add-user", onclick: addUser }, "Add a user");
  return section("Users", add, table("Users", [["Name"], ["Role"], ["State"], ["Made", "nowrap told"], ["Password", "nowrap told"], ["", "wide"]], users.map(line)));
}

function line(user) {
  const own = user.name === caller().name;
  const button = (id, text, work) => h("button", { class: "button copy", type: "button", id: `${id}-${user.name}`, onclick: work }, text);
  return { key: user.name, class: "stacked", cells: [
    h("div", {}, h("span", { class: "expectation" }, user.name), own ? h("span", { class: "small muted" }, " (you)") : null),
    user.role,
    user.disabled ? tag("closed", "is-warn") : tag("open", "is-good"),
    ago(user.created_at),
    user.password_changed_at ? ago(user.password_changed_at) : h("span", { class: "small muted" }, "none yet"),
    h("div", { class: "chips actions" },
      button("reset", "Reset token", () => reset(user.name)),
      own ? null : button("role", "Change role", () => changeRole(user)),
      own ? null : button("close", user.disabled ? "Open" : "Close", () => close(user)),
      own ? null : button("remove", "Remove", () => end(user))),
  ] };
}

async function addUser() {
  const made = await askFor("Add a user", "Add", [
    { name: "name", label: "Name", required: true, autocapitalize: "none" },
    { name: "role", label: "Role", choices: ROLES, value: "viewer" },
  ], async (values) => (await post("api/v1/users", values)).user, "The new user chooses a password with a reset token, which you pass on.");
  if (!made) return;
  changed();
  await reset(made.name);
}

async function reset(name) {
  const made = await confirmed("Make a reset token", `With it ${name} chooses a new password, once. It takes the place of an earlier token.`,
    "Make the token", () => post(`${address(name)}/reset-token`));
  if (made) await showOnce(`Reset token of ${name}`, made.token, `Pass it on by a safe way; it is not shown again and counts until ${exact(made.expires_at)}. It is used at “Sign in”, “I have a reset token”.`);
}

async function changeRole({ name, role }) {
  await askFor(`Role of ${name}`, "Change", [{ name: "role", label: "Role", choices: ROLES, value: role }], (values) => patch(address(name), values));
  changed();
}

async function close({ name, disabled }) {
  const sentence = disabled ? `${name} can sign in again.` : `${name} cannot sign in any more; sessions and keys stop counting.`;
  await confirmed(disabled ? `Open the account of ${name}` : `Close the account of ${name}`, sentence, disabled ? "Open" : "Close", () => patch(address(name), { disabled: !disabled }));
  changed();
}

async function end({ name }) {
  await confirmed(`Remove ${name}`, `The account of ${name}, its keys and its sessions end. This cannot be undone.`, "Remove", () => remove(address(name)));
  changed();
}

const address = (name) => `api/v1/users/${encodeURIComponent(name)}`;

// The own password.
import { post } from "../api.js";
import { askFor } from "../dialogs.js";
import { h } from "../dom.js";
import { section } from "../parts.js";
import { person, signIn } from "../session.js";

export const permission = "account";
export const load = async () => person();

export function draw(known) {
  return section("Your account", null, h("p", { class: "card verdict" },
    h("span", {}, "Signed in as ", h("strong", {}, known?.user ?? "–"), known ? `, ${known.role}.` : null),
    h("button", { class: "button", type: "button", id: "change-password", onclick: change }, "Change password")));
}

const field = (name, label, autocomplete) => ({ name, label, type: "password", required: true, autocomplete });

function change() {
  return askFor("Change your password", "Change", [field("old", "Present password", "current-password"), field("new", "New password", "new-password")],
    async (values) => {
      await post("api/v1/auth/password", values);
      await signIn(person().user, values.new); // all sessions have ended, this one too
    }, "All your sessions end; you stay signed in here.");
}

// An address that means nothing.
import { h } from "../dom.js";
import { empty, pageHead } from "../parts.js";

export const tab = "";
export const title = () => "No such page";
export const load = async () => ({});
export const pause = () => 0;

export function draw(answer, { path }) {
  return [pageHead("No such page"), empty("This address means nothing here", path),
    h("div", { class: "links" }, h("a", { href: "#/pipelines" }, "Pipelines"), h("a", { href: "#/runs" }, "Runs"), h("a", { href: "#/models" }, "Models"))];
}

// The first step of a new pipeline: a table is uploaded, and a spec is drafted from it.
import { draft, upload } from "./api.js";
import { h } from "./dom.js";
import { notice } from "./parts.js";

/** A form that hands the drafted text to `write`. */
export function start(write) {
  const file = h("input", { id: "table-file", type: "file", required: true, accept: ".csv,.tsv,.txt,.xlsx,.xls,.parquet,.json,.jsonl,.gz,.zip" });
  const target = h("input", { id: "table-target", type: "text", autocomplete: "off", spellcheck: "false", list: "table-columns" });
  const columns = h("datalist", { id: "table-columns" });
  const task = h("select", { id: "table-task" }, ["", "regression", "classification", "clustering", "forecast"].map((name) => h("option", { value: name }, name || "find out")));
  const button = h("button", { class: "button primary", type: "submit", id: "draft" }, "Draft a spec");
  const said = h("div", { id: "draft-notes", "aria-live": "polite" });
  let sent = null; // the file that was uploaded last: a second draft of it needs no second upload
  const submit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    said.replaceChildren(h("p", { class: "small muted" }, "Looking at the table…"));
    try {
      if (sent?.file !== file.files[0]) sent = { file: file.files[0], name: await uploaded(file.files[0]) };
      const wanted = { table: sent.name, target: target.value ? [target.value] : [], task: task.value || null };
      const { text, notes } = await draft(wanted);
      said.replaceChildren(notice("is-good", null, ["Drafted: look through it, and save it.", ...notes]));
      write(text);
    } catch (error) {
      said.replaceChildren(notice("is-bad", null, [error.message]));
    }
    button.disabled = false;
  };
  file.addEventListener("change", async () => columns.replaceChildren(...(await namesIn(file.files[0])).map((value) => h("option", { value }))));
  const field = (id, label, input) => h("div", { class: "field" }, h("label", { for: id }, label), input);
  return h("section", { class: "card spec-start", keep: "start", "aria-label": "Draft from a table" },
    h("form", { onsubmit: submit },
      field("table-file", "Table", file), field("table-target", "Column to predict", [target, columns]), field("table-task", "Task", task), button), said);
}

/** Uploads under the file's own name, made harmless; a moment is added where that is taken. */
async function uploaded(file) {
  const name = file.name.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "").slice(-80) || "table.csv";
  try {
    return await upload(name, file);
  } catch (error) {
    if (error.code !== "conflict") throw error;
    const [stem, ...extensions] = name.split(".");
    return upload([`${stem}-${Date.now()}`, ...extensions].join("."), file);
  }
}

/** The names in the first line of a text, to choose from; none where it is no plain text. */
async function namesIn(file) {
  if (!file || !/\.(csv|tsv|txt)$/i.test(file.name)) return [];
  const [first] = (await file.slice(0, 65536).text()).split(/\r?\n/);
  const mark = [",", ";", "\t", "|"].sort((a, b) => first.split(b).length - first.split(a).length)[0];
  return first.split(mark).map((name) => name.trim().replace(/^"(.*)"$/, "$1")).filter(Boolean).slice(0, 500);
}

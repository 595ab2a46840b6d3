// How a model's requests are shared out between its versions; nothing while the champion answers everything.
import { trafficButtons } from "./moves.js";
import { section, table, tag } from "./parts.js";

export function trafficSection(name, traffic) {
  const buttons = trafficButtons(name, traffic);
  if (!traffic) return null;
  if (traffic.variants.every(({ variant, shadow }) => variant === "champion" && !shadow)) {
    return buttons && section("Traffic", ["The champion answers everything. ", buttons]);
  }
  const by = [traffic.updated_by ? `Set by ${traffic.updated_by}. ` : null, buttons];
  return section("Traffic", by, table("Variants", [["Variant"], ["Version"], ["Answers", "num"], ["Shadow", "num"], ["State"]],
    traffic.variants.map((variant) => [
      variant.variant,
      variant.version,
      share(variant.share),
      variant.shadow ? share(traffic.shadow_share) : "–",
      variant.error ?? tag(variant.fallbacks ? `stood in for ${variant.fallbacks} times` : "as set", variant.fallbacks ? "is-warn" : "is-good"),
    ])));
}

const share = (part) => `${(100 * part).toLocaleString("en", { maximumFractionDigits: 1 })} %`;

// Where words go on a call whose ticket cannot be reached.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Element, happens, passes, tells } from "./fake.mjs";
import * as callnote from "../callnote.js";
import * as keep from "../keep.js";

const area = new Element();
document.parts["#call-note"] = new Element({
  textarea: area, "[data-title]": new Element(), "[data-offer]": new Element(), "[data-status]": new Element(),
});
await keep.start();
callnote.start(async () => {});

function types(text) {
  area.value += text;
  happens(area, "input", area);
}

test("a caller who rings here again, after the line was cut, takes no word that is noted of the call", async () => {
  tells("call", { state: "ringing", call: "pbx1-1.1", number: "138****8601" });
  await passes(2000);
  tells("call", { state: "talking", call: "pbx1-1.1" });
  types("他说有人跟着他");
  tells("call", { state: "none" });
  tells("call", { state: "ringing", call: "pbx1-1.1", number: "138****8601" });
  await passes(2000);
  types("，三天了");
  assert.equal(keep.store().get("pbx1-1.1").text, "他说有人跟着他，三天了");
  tells("call", { state: "none" });
  tells("call", { state: "ringing", call: "pbx1-2.2", number: "138****8602" });
  await passes(2000);
  assert.equal(area.value, "");
});

// When what a phone says of its addresses may go: never before one is there that Asterisk can use.
import assert from "node:assert/strict";
import { test } from "node:test";
import { passes } from "./fake.mjs";
import { allAddresses } from "../candidates.js";

function gather() {
  const said = { ready: 0 };
  const handler = allAddresses();
  said.comes = (protocol) => handler({ candidate: { protocol }, ready: () => (said.ready += 1) });
  return said;
}

test("addresses of TCP alone, which Asterisk ignores, are not enough, however long it takes", async () => {
  const said = gather();
  said.comes("tcp");
  said.comes("tcp");
  await passes(5000);
  assert.equal(said.ready, 0);
});

test("the first of UDP may be of a network that Asterisk is not in: the others are waited for, half a second at most", async () => {
  const said = gather();
  said.comes("tcp");
  said.comes("udp");
  assert.equal(said.ready, 0);
  said.comes("udp");
  await passes(2000);
  assert.equal(said.ready, 1);
});

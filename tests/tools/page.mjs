// Runs the control page without a browser: just enough of a document for its controls.
// Reads {page, tree, packets} as JSON; prints what each control sends, and what the packets say.
import { readFileSync } from "node:fs";
import vm from "node:vm";

const { page, tree, packets } = JSON.parse(readFileSync(0, "utf8"));
const scripts = [...page.matchAll(/<script>(.*?)<\/script>/gs)].map((found) => found[1]);
const element = () => ({ below: [], append(...more) { this.below.push(...more); }, matches: () => false });
const document = { createElement: element, getElementById: element, activeElement: null };
const waiting = new Promise(() => {});  // the page asks for the tree, and gets it from us instead
const context = vm.createContext({ document, fetch: () => waiting, TextEncoder, TextDecoder, setTimeout: () => 0 });
for (const script of scripts) vm.runInContext(script, context);

const run = vm.runInContext(`(tree, packets) => {
  const sent = [];
  socket = { readyState: 1, send: (packet) => sent.push(packet) };
  const press = (e) => { for (const one of e.below || []) { if (one.onclick) one.onclick(); press(one); } };
  const touch = (e) => { for (const one of e.below || []) { if (one.oninput) one.oninput(); else if (one.onchange) one.onchange(); touch(one); } };
  const empty = (e) => { for (const one of e.below || []) { if (!("value" in one)) one.value = ""; empty(one); } };
  const controls = [];
  for (const [leaf, name] of leaves(tree, "")) {
    const row = control(leaf, name);
    if ("VALUE" in leaf) shown.get(leaf.FULL_PATH)(leaf.VALUE);
    empty(row);
    sent.length = 0;
    touch(row);
    press(row);
    controls.push([leaf.FULL_PATH, leaf.ACCESS, sent.map((p) => [...p])]);
  }
  const bar = {}, levels = [-Infinity, -100, -12.5, 0].map((db) => { level(bar, db); return bar.value; });
  const boxes = control(tree.CONTENTS.slot.CONTENTS[1].CONTENTS.go, "go").below.flatMap((one) => one.below);
  sent.length = 0;
  boxes.find((one) => one.type === "text").onkeydown({ key: "Enter" });
  const entered = sent.map((p) => [...p]);
  return { controls, levels, entered, decoded: packets.map((bytes) => decodeOsc(new Uint8Array(bytes).buffer)) };
}`, context);
console.log(JSON.stringify(run(tree, packets), (_, value) =>
  typeof value === "number" && !Number.isFinite(value) ? String(value) : value));

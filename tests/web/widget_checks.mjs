/** What every widget of web/js/ has to survive; each has a script of its own that says how it is used. */

import assert from "node:assert/strict";

import { NODES2 } from "./browser.mjs";

const SLOTS = { VASA_Gaze: 0, VASA_HeadDistance: 1, VASA_Emotion: 2 }; // outputs of TestWidgetValues

/**
 * type: the node. choice: the dynamic combo around the widget. drag: places of a drag, as fractions of the canvas.
 * dragged(value): asserts what that drag makes. keys: keys to press, and pressed(value). field, text, typed(value): a
 * number typed. other: a value to load. reaches: what the run says about the dragged value, a regular expression.
 */
export async function survives(comfy, check, { type, choice, drag, dragged, keys, pressed, other, reaches, ...more }) {
  const widget = `${choice}.value`;
  const fresh = () => comfy.add(type, { place: [400, 140], size: [340, 420] });
  let node = await fresh();
  const start = await comfy.value(node, widget);

  await check("a drag sets the value, and the prompt holds it", async () => {
    await comfy.drag(node, widget, ...drag);
    dragged(await comfy.value(node, widget));
    assert.deepEqual((await comfy.inputs(node))[widget], await comfy.value(node, widget));
  });
  const value = await comfy.value(node, widget);

  await check("undo takes the whole drag back, redo brings it again", async () => {
    await comfy.undo();
    assert.deepEqual(await comfy.value(node, widget), start);
    await comfy.redo();
    assert.deepEqual(await comfy.value(node, widget), value);
  });

  await check("save and load keep the value, and shift no other", async () => {
    const saved = await comfy.workflow();
    assert.deepEqual(saved.nodes[0].widgets_values, ["fixed", value]);
    await comfy.clear();
    await comfy.load(saved);
    assert.deepEqual(await comfy.value(node, widget), value);
    assert.deepEqual((await comfy.inputs(node))[choice], "fixed");
  });

  await check("a run gets the value", async () => {
    const report = await comfy.add("TestReport", { place: [800, 140] });
    await comfy.connect(node, 0, report, "value");
    assert.match(await comfy.run(report), reaches);
    await comfy.remove(report);
  });

  await check("a copy has the value, and a life of its own", async () => {
    const copy = await comfy.copy(node);
    assert.deepEqual(await comfy.value(copy, widget), value);
    await comfy.set(copy, widget, other);
    assert.deepEqual(await comfy.value(node, widget), value);
    await comfy.remove(copy);
  });

  await check("keys change the value, one step of undo each", async () => {
    await comfy.set(node, widget, start);
    await comfy.remember();
    await comfy.press(node, widget, ...keys);
    pressed(await comfy.value(node, widget));
    for (const _ of keys) await comfy.undo();
    assert.deepEqual(await comfy.value(node, widget), start);
  });

  await check("numbers can be typed, and undone", async () => {
    await comfy.type(node, widget, more.field, more.text);
    more.typed(await comfy.value(node, widget));
    await comfy.undo();
    assert.deepEqual(await comfy.value(node, widget), start);
    await comfy.type(node, widget, more.field, "99999");
    assert.ok(Object.values(await comfy.value(node, widget)).every((number) => number <= 30), "out of range");
  });

  await check("a finger drags like the mouse", async () => {
    await comfy.set(node, widget, start);
    await comfy.remember();
    await comfy.swipe(node, widget, ...drag);
    dragged(await comfy.value(node, widget));
    await comfy.undo();
    assert.deepEqual(await comfy.value(node, widget), start);
  });

  await check("it works zoomed out and in", async () => {
    for (const scale of [0.6, 1.3]) {
      await comfy.set(node, widget, start);
      await comfy.zoom(scale);
      await comfy.drag(node, widget, ...drag);
      dragged(await comfy.value(node, widget));
    }
    await comfy.zoom(1);
  });

  await check("Escape gives a drag up", async () => {
    await comfy.set(node, widget, start);
    await comfy.page.mouse.move(...(await comfy.place(node, widget, drag[0])));
    await comfy.page.mouse.down();
    await comfy.page.mouse.move(...(await comfy.place(node, widget, drag.at(-1))), { steps: 3 });
    await comfy.page.keyboard.press("Escape");
    await comfy.page.mouse.up();
    assert.deepEqual(await comfy.value(node, widget), start);
  });

  await check("the other choices come and go, and the curve has two of it", async () => {
    await comfy.set(node, choice, "curve");
    await comfy.frames(4);
    await comfy.element(node, `${choice}.from`);
    await comfy.set(node, `${choice}.to`, other);
    const saved = await comfy.workflow();
    await comfy.load(saved);
    assert.deepEqual(await comfy.value(node, `${choice}.to`), other);
    assert.equal((await comfy.inputs(node))[`${choice}.seconds`], 5);
    await comfy.set(node, choice, "fixed");
    await comfy.frames(4);
    assert.deepEqual(await comfy.value(node, widget), start);
    assert.equal(await comfy.page.locator(".vasa-widget:visible").count(), 1);
  });

  await check("a socket can drive it", async () => {
    const source = await comfy.add("TestWidgetValues", { place: [100, 140] });
    await comfy.connect(source, SLOTS[type], node, widget);
    assert.deepEqual((await comfy.inputs(node))[widget], [String(source), SLOTS[type]]);
    if (NODES2) assert.ok(await (await comfy.element(node, widget)).evaluate((element) => element.inert));
    await comfy.remove(source);
    assert.deepEqual((await comfy.inputs(node))[widget], start);
    assert.ok(!(await (await comfy.element(node, widget)).evaluate((element) => element.inert)));
  });

  await check("a value of a later version is kept, said, and can be set again", async () => {
    const later = { version: 2, something: 1 };
    await comfy.set(node, widget, later);
    assert.deepEqual(await comfy.value(node, widget), later);
    const element = await comfy.element(node, widget);
    assert.match(await element.textContent(), /not understood/);
    await comfy.press(node, widget, ...keys);
    assert.equal((await comfy.value(node, widget)).version, 1);
    assert.doesNotMatch(await element.textContent(), /not understood/);
  });

  await check("assistive technology is told what it is and what it shows", async () => {
    const element = await comfy.element(node, widget);
    const canvas = await element.$("canvas");
    for (const name of ["role", "aria-label", "aria-valuetext", "aria-valuenow"]) {
      assert.ok(await canvas.getAttribute(name), name);
    }
    assert.equal(await canvas.evaluate((canvas) => canvas.tabIndex), 0);
    for (const input of await element.$$("input, select")) assert.ok(await input.getAttribute("aria-label"));
  });

  await check("a drag costs little of a frame", async () => {
    const costs = await comfy.dragCosts(node, widget);
    const median = costs.sort((a, b) => a - b)[costs.length >> 1];
    console.log(`        ${median.toFixed(2)} ms a frame of a drag`);
    assert.ok(median < 8, `${median} ms of the 16.7 that 60 frames a second leave`);
  });

  await check("it lives on in a subgraph, there and saved", async () => {
    await comfy.clear();
    node = await fresh();
    await comfy.set(node, widget, other);
    const host = await comfy.intoSubgraph(node);
    const inner = await comfy.enter(host);
    assert.deepEqual(await comfy.value(inner, widget), other);
    await comfy.set(inner, widget, start);
    await comfy.drag(inner, widget, ...drag);
    const inside = await comfy.value(inner, widget);
    dragged(inside);
    await comfy.leave();
    assert.deepEqual((await comfy.inputs(`${host}:${inner}`))[widget], inside);
    await comfy.load(await comfy.workflow());
    assert.deepEqual((await comfy.inputs(`${host}:${inner}`))[widget], inside);
  });

  await check("pictures for people", async () => {
    await comfy.clear();
    node = await comfy.add(type, { place: [420, 140], size: [340, more.tall ?? 330] });
    await comfy.set(node, widget, more.shown);
    for (const theme of ["dark", "light"]) {
      await comfy.theme(theme);
      await comfy.picture(node, `${choice}-${NODES2 ? "nodes2" : "classic"}-${theme}`);
    }
    await comfy.theme("dark");
  });
}

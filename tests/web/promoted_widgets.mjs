import assert from "node:assert/strict";

import { NODES2 } from "./browser.mjs";
import { spot } from "./timeline_kit.mjs";

const GAZE = { version: 1, yaw: 7, pitch: 3 };
const OTHER = { version: 1, yaw: -12, pitch: 4 };
const DRAG = [[0.5, 0.5], [0.6, 0.45], [0.7, 0.35]];

export default async function (comfy, check) {
  const shown = () =>
    comfy.page.$$eval(".vasa-widget", (all) => all.filter((one) => one.checkVisibility() && !one.inert).length);

  /** A subgraph of one node whose widget is promoted; returns both ids. */
  const promoted = async (type, widget, values) => {
    await comfy.clear();
    const inner = await comfy.add(type, { values });
    const host = await comfy.intoSubgraph(inner);
    await promote(host, widget);
    await bring(host);
    await comfy.remember();
    return [host, inner];
  };
  const bring = async (node) => {
    await comfy.page.evaluate((id) => {
      const { canvas } = window.app;
      canvas.graph.getNodeById(id).pos = [420, 160];
      Object.assign(canvas.ds, { scale: 1, offset: [0, 0] });
      canvas.setDirty(true, true);
    }, node);
    await comfy.frames(6);
  };

  /** As ComfyUI's menus do it: a socket of the subgraph for the inner widget's. */
  const promote = async (host, widget) => {
    await comfy.page.evaluate(
      ([id, name]) => {
        const { subgraph } = window.app.canvas.graph.getNodeById(id);
        const [node] = subgraph.nodes;
        const socket = node.getSlotFromWidget(node.widgets.find((one) => one.name === name));
        subgraph.addInput(name, socket.type).connect(socket, node);
      },
      [host, widget],
    );
    await comfy.frames(6);
  };

  let [host, inner] = await promoted("VASA_Gaze", "gaze.value", { "gaze.value": GAZE });
  const sent = async () => (await comfy.inputs(`${host}:${inner}`))["gaze.value"];

  await check("a promoted widget is shown on the subgraph's node, with its value, whole", async () => {
    assert.deepEqual(await comfy.value(host, "gaze.value"), GAZE);
    assert.equal(await shown(), 1);
    const [element, node] = await Promise.all([
      (await comfy.element(host, "gaze.value")).boundingBox(),
      comfy.page.evaluate((id) => [...window.app.canvas.graph.getNodeById(id).size], host),
    ]);
    assert.ok(element.height >= 180, `${element.height}`);
    assert.ok(element.y + element.height <= 160 + node[1] + 80, `${element.y + element.height}`);
    if (process.env.PICTURES) await comfy.picture(host, `promoted-${NODES2 ? "nodes2" : "classic"}`);
  });

  await check("a drag there is what a run gets, and one step of undo", async () => {
    await comfy.drag(host, "gaze.value", ...DRAG);
    const value = await comfy.value(host, "gaze.value");
    assert.ok(value.yaw > 9 && value.pitch > 3, JSON.stringify(value));
    assert.deepEqual(await sent(), value);
    await comfy.undo();
    assert.deepEqual(await sent(), GAZE);
    assert.equal(await shown(), 1);
    await comfy.redo();
    assert.deepEqual(await sent(), value);
  });

  await check("keys and numbers work there as inside", async () => {
    await comfy.set(host, "gaze.value", GAZE);
    await comfy.press(host, "gaze.value", "ArrowRight");
    await comfy.type(host, "gaze.value", "pitch (°)", "-4.5");
    assert.deepEqual(await sent(), { version: 1, yaw: 8, pitch: -4.5 });
  });

  await check("saved and loaded it is there with its value, once", async () => {
    await comfy.set(host, "gaze.value", OTHER);
    const saved = await comfy.workflow();
    assert.deepEqual(saved.nodes[0].widgets_values, [OTHER]);
    await comfy.clear();
    await comfy.load(saved);
    assert.equal(await shown(), 1);
    assert.equal(await (await comfy.element(host, "gaze.value")).$eval("input", (input) => input.value), "-12.0");
    assert.deepEqual(await sent(), OTHER);
  });

  await check("a copy has a value of its own", async () => {
    const copy = await comfy.copy(host);
    await comfy.set(copy, "gaze.value", GAZE);
    assert.deepEqual(await comfy.value(host, "gaze.value"), OTHER);
    const prompt = await comfy.page.evaluate(async () => (await window.app.graphToPrompt()).output);
    const yaws = Object.values(prompt).map(({ inputs }) => inputs["gaze.value"].yaw);
    assert.deepEqual(yaws.sort((a, b) => a - b), [OTHER.yaw, GAZE.yaw]);
    await comfy.remove(copy);
  });

  await check("a wire into it counts instead, and the inner widget shows that it does not", async () => {
    const source = await comfy.add("TestWidgetValues", { place: [80, 140] });
    await comfy.connect(source, 0, host, "gaze.value");
    assert.deepEqual(await sent(), [String(source), 0]);
    await comfy.remove(source);
    assert.deepEqual(await sent(), OTHER);
    assert.equal(await comfy.enter(host), inner);
    assert.equal(await shown(), 0);
    await comfy.leave();
  });

  await check("a subgraph in a subgraph hands it on", async () => {
    const outer = await comfy.intoSubgraph(host);
    await promote(outer, "gaze.value");
    await bring(outer);
    assert.deepEqual(await comfy.value(outer, "gaze.value"), OTHER);
    await comfy.drag(outer, "gaze.value", ...DRAG);
    const value = await comfy.value(outer, "gaze.value");
    assert.notDeepEqual(value, OTHER);
    await comfy.load(await comfy.workflow());
    assert.deepEqual((await comfy.inputs(`${outer}:${host}:${inner}`))["gaze.value"], value);
    assert.equal(await shown(), 1);
  });

  await check("taken back, it is gone from there", async () => {
    [host, inner] = await promoted("VASA_Emotion", "emotion.value");
    assert.equal(await shown(), 1);
    await comfy.page.evaluate((id) => {
      const { subgraph } = window.app.canvas.graph.getNodeById(id);
      subgraph.removeInput(subgraph.inputs[0]);
    }, host);
    await comfy.frames(6);
    assert.equal(await shown(), 0);
    await comfy.load(await comfy.workflow()); // until then ComfyUI's classic canvas lacks the inner one too, be it its own text
    await comfy.enter(host);
    await comfy.element(inner, "emotion.value");
    assert.equal(await shown(), 1);
    await comfy.leave();
  });

  await check("a promoted timeline shows the sound that comes in from outside", async () => {
    [host, inner] = await promoted("VASA_ControlTimeline", "timeline");
    await comfy.page.evaluate((id) => {
      const { subgraph } = window.app.canvas.graph.getNodeById(id);
      const [node] = subgraph.nodes;
      subgraph.addInput("speech", "AUDIO").connect(node.inputs.find((input) => input.name === "audio"), node);
    }, host);
    const sound = await comfy.add("LoadAudio", { place: [20, 140], values: { audio: "long.wav" } });
    await comfy.connect(sound, 0, host, "speech");
    const canvas = await (await comfy.element(host, "timeline")).$("canvas");
    await comfy.page.waitForFunction((canvas) => Math.abs(canvas.getAttribute("aria-valuemax") - 4) < 0.05, canvas);
    const view = [0, 4];
    await comfy.page.mouse.dblclick(...(await comfy.place(host, "timeline", await spot(comfy, host, "distance", 2, "distance", 1.5, view))));
    await comfy.frames(3);
    const value = await comfy.value(host, "timeline");
    assert.equal(value.distance.keys.at(-1).t, 2);
    assert.deepEqual((await comfy.inputs(`${host}:${inner}`)).timeline, value);
  });
}

/**
 * A real browser on a real ComfyUI, for the checks of web/js/: run.mjs runs the scripts that it is given on one page.
 * A script looks like this:
 *
 *   export default async function (comfy, check) {
 *     const node = await comfy.add("VASA_Gaze");
 *     await check("a drag sets the value", async () => { await comfy.drag(node, "gaze.value", [0.5, 0.5], [0.6, 0.4]); ... });
 *   }
 *
 * Environment: COMFYUI (address), MODE (classic or nodes2), CHROMIUM and PLAYWRIGHT (paths), PICTURES (folder for
 * screenshots, if wanted).
 */

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import path from "node:path";

const { COMFYUI, MODE, CHROMIUM, PLAYWRIGHT, PICTURES } = process.env;
const { chromium } = createRequire(import.meta.url)(PLAYWRIGHT);
const VIEW = { width: 1280, height: 800 };
const PATIENCE = 180_000; // ms, for a machine that is busy with other things

/** Whether this run is in ComfyUI's Nodes 2.0. */
export const NODES2 = MODE === "nodes2";

/** Start the browser; the caller closes it. */
export function launch() {
  return chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
}

/** One page with ComfyUI. Widgets are named by node id and input name; places in them are fractions of their canvas. */
export class Comfy {
  static async open(browser) {
    const comfy = new Comfy();
    await comfy.settings({
      "Comfy.VueNodes.Enabled": NODES2,
      "Comfy.TutorialCompleted": true,
      "Comfy.Workflow.Persist": false,
      "Comfy.Locale": "en",
      "Comfy.ColorPalette": "dark",
      "Comfy.Minimap.Visible": false,
      "Comfy.RightSidePanel.IsOpen": false,
    });
    const context = await browser.newContext({ viewport: VIEW });
    comfy.page = await context.newPage();
    comfy.complaints = [];
    comfy.strangers = [];
    comfy.page.on("pageerror", (error) => comfy.complaints.push(error.stack ?? String(error)));
    comfy.page.on("console", (message) => comfy.listen(message));
    comfy.page.on("request", (request) => {
      const address = new URL(request.url());
      if (address.protocol.startsWith("http") && address.origin !== COMFYUI) comfy.strangers.push(request.url());
    });
    comfy.page.setDefaultTimeout(PATIENCE);
    await comfy.visit();
    return comfy;
  }

  listen(message) {
    const { url } = message.location();
    const ours = /vasa/i.test(message.text()) || /vasa/i.test(url ?? "");
    if (ours && ["error", "warning"].includes(message.type())) this.complaints.push(`${message.text()} (${url})`);
  }

  /** Load ComfyUI's page, with an empty graph in view. */
  async visit() {
    await this.page.goto(COMFYUI);
    await this.page.waitForFunction(
      () => window.app?.extensionManager && window.LiteGraph?.registered_node_types?.VASA_Gaze && window.app.canvas,
    );
    await this.clear();
  }

  /** An empty graph, in view at its own size. */
  async clear() {
    await this.page.evaluate(async () => {
      await window.app.loadGraphData({ nodes: [], links: [], version: 0.4, last_node_id: 0, last_link_id: 0 });
      window.app.canvas.ds.scale = 1;
      window.app.canvas.ds.offset = [0, 0];
    });
  }

  /** Change settings of the server's user, as its settings dialog does. */
  async settings(values) {
    const answer = await fetch(`${COMFYUI}/api/settings`, { method: "POST", body: JSON.stringify(values) });
    assert.ok(answer.ok, `settings: ${answer.status}`);
  }

  /** Pick a colour palette as the user does. */
  async theme(name) {
    await this.page.evaluate((name) => window.app.extensionManager.setting.set("Comfy.ColorPalette", name), name);
    await this.frames(4);
  }

  /** Put a node on the graph; returns its id. values: {widget: value} to set. */
  async add(type, { values = {}, place = [420, 160], size = null } = {}) {
    const id = await this.page.evaluate(
      ([type, values, place, size]) => {
        const node = window.LiteGraph.createNode(type);
        node.pos = place;
        window.app.canvas.graph.add(node);
        for (const [name, value] of Object.entries(values)) node.widgets.find((w) => w.name === name).value = value;
        node.setSize(size ?? node.computeSize());
        window.app.canvas.setDirty(true, true);
        return node.id;
      },
      [type, values, place, size],
    );
    await this.remember();
    return id;
  }

  /** Make what the graph is now the state that the next undo returns to. */
  async remember() {
    await this.frames(3);
    await this.page.evaluate(() => {
      window.app.canvas.emitBeforeChange();
      window.app.canvas.emitAfterChange();
    });
  }

  /** What a widget says its value is. */
  value(node, widget) {
    return this.page.evaluate(
      ([id, name]) => window.app.canvas.graph.getNodeById(id).widgets.find((w) => w.name === name)?.value,
      [node, widget],
    );
  }

  /** The inputs that a run would send for a node: what really counts. */
  inputs(node) {
    return this.page.evaluate(async (id) => (await window.app.graphToPrompt()).output[id]?.inputs, String(node));
  }

  /** The workflow as saving it writes it. */
  workflow() {
    return this.page.evaluate(() => JSON.parse(JSON.stringify(window.app.rootGraph.serialize())));
  }

  /** Open a workflow as if from a file. */
  async load(workflow) {
    await this.page.evaluate((workflow) => window.app.loadGraphData(workflow), workflow);
    await this.frames(4);
  }

  /** The element of a DOM widget. */
  async element(node, widget) {
    const handle = await this.page.waitForFunction(
      ([id, name]) => {
        const element = window.app.canvas.graph.getNodeById(id)?.widgets.find((w) => w.name === name)?.element;
        return element?.isConnected && element.getBoundingClientRect().width > 10 ? element : null;
      },
      [node, widget],
    );
    return handle.asElement();
  }

  /** The box of a widget's canvas on the screen, once it stands still: ComfyUI moves the view after it has opened a graph. */
  async box(node, widget) {
    const canvas = await (await this.element(node, widget)).$("canvas");
    for (let before = null; ; ) {
      const box = await canvas.boundingBox();
      if (before && ["x", "y", "width", "height"].every((side) => before[side] === box[side])) return box;
      before = box;
      await this.frames(2);
    }
  }

  /** A place in a widget's canvas, given as fractions of its width and height, on the screen. */
  async place(node, widget, [x, y]) {
    const box = await this.box(node, widget);
    return [box.x + x * box.width, box.y + y * box.height];
  }

  /** Drag with the mouse from one place in a widget to others. */
  async drag(node, widget, ...places) {
    const [first, ...rest] = await Promise.all(places.map((place) => this.place(node, widget, place)));
    await this.page.mouse.move(...first);
    await this.page.mouse.down();
    for (const place of rest) await this.page.mouse.move(...place, { steps: 4 });
    await this.page.mouse.up();
    await this.frames(3);
  }

  /** Drag with a finger. */
  async swipe(node, widget, ...places) {
    const points = await Promise.all(places.map((place) => this.place(node, widget, place)));
    const session = await this.page.context().newCDPSession(this.page);
    await session.send("Emulation.setTouchEmulationEnabled", { enabled: true });
    const send = (type, point) =>
      session.send("Input.dispatchTouchEvent", { type, touchPoints: point ? [{ x: point[0], y: point[1] }] : [] });
    await send("touchStart", points[0]);
    for (const point of points.slice(1)) await send("touchMove", point);
    await send("touchEnd");
    await session.send("Emulation.setTouchEmulationEnabled", { enabled: false });
    await this.frames(3);
  }

  /** Give a widget's canvas the keyboard, and press keys. */
  async press(node, widget, ...keys) {
    await (await (await this.element(node, widget)).$("canvas")).focus();
    for (const key of keys) await this.page.keyboard.press(key);
    await this.frames(3);
  }

  /** Type a number into the field of a widget with this accessible name, and leave the field. */
  async type(node, widget, field, text) {
    const input = await (await this.element(node, widget)).$(`input[aria-label="${field}"]`);
    await input.click();
    await input.fill(text);
    await input.press("Enter");
    await this.frames(3);
  }

  /** Undo, as by its command. */
  async undo() {
    await this.page.evaluate(() => window.app.extensionManager.command.execute("Comfy.Undo"));
    await this.frames(6);
  }

  /** Redo, as by its command. */
  async redo() {
    await this.page.evaluate(() => window.app.extensionManager.command.execute("Comfy.Redo"));
    await this.frames(6);
  }

  /** Give a widget a value, as loading a workflow does. */
  async set(node, widget, value) {
    await this.page.evaluate(
      ([id, name, value]) => {
        window.app.canvas.graph.getNodeById(id).widgets.find((w) => w.name === name).value = value;
      },
      [node, widget, value],
    );
    await this.frames(3);
  }

  async remove(node) {
    await this.page.evaluate((id) => {
      const { graph } = window.app.canvas;
      graph.remove(graph.getNodeById(id));
    }, node);
    await this.frames(3);
  }

  /** Copy and paste a node; returns the copy's id. */
  async copy(node) {
    const id = await this.page.evaluate((id) => {
      const { canvas } = window.app;
      const before = new Set(canvas.graph.nodes.map((node) => node.id));
      canvas.copyToClipboard([canvas.graph.getNodeById(id)]);
      canvas.pasteFromClipboard();
      return canvas.graph.nodes.find((node) => !before.has(node.id)).id;
    }, node);
    await this.frames(3);
    return id;
  }

  /** Run the graph; returns the text that the node TestReport `report` shows. */
  async run(report) {
    return this.page.evaluate(async (report) => {
      const { app } = window;
      const text = new Promise((resolve, reject) => {
        app.api.addEventListener("executed", ({ detail }) => {
          if (String(detail.node) === String(report)) resolve(detail.output.text[0]);
        });
        app.api.addEventListener("execution_error", ({ detail }) => reject(new Error(detail.exception_message)));
      });
      await app.queuePrompt(0);
      return text;
    }, report);
  }

  async zoom(scale) {
    await this.page.evaluate((scale) => {
      window.app.canvas.ds.scale = scale;
      window.app.canvas.setDirty(true, true);
    }, scale);
    await this.frames(6);
  }

  /** Put a node into a subgraph; returns the id of the node that stands for it. */
  async intoSubgraph(node) {
    const id = await this.page.evaluate((id) => {
      const { graph } = window.app.canvas;
      return graph.convertToSubgraph(new Set([graph.getNodeById(id)])).node.id;
    }, node);
    await this.frames(4);
    return id;
  }

  /** Open a subgraph as a double click does; returns the id of its first node. */
  async enter(host) {
    const id = await this.page.evaluate((id) => {
      const { canvas } = window.app;
      const node = canvas.graph.getNodeById(id);
      canvas.openSubgraph(node.subgraph, node);
      return node.subgraph.nodes[0].id;
    }, host);
    await this.frames(6);
    await this.page.evaluate(() => Object.assign(window.app.canvas.ds, { scale: 1, offset: [0, 0] }));
    await this.frames(4);
    return id;
  }

  /** Back to the whole graph. */
  async leave() {
    await this.page.evaluate(() => window.app.canvas.setGraph(window.app.rootGraph));
    await this.frames(4);
  }

  /** Milliseconds of the widget's own work in each of 60 steps of a drag around it: the event, and what it then draws. */
  async dragCosts(node, widget) {
    const handle = await (await this.element(node, widget)).$("canvas");
    return handle.evaluate((canvas) => {
      const box = canvas.getBoundingClientRect();
      const send = (type, k) => {
        const [clientX, clientY] = [box.x + box.width * (0.5 + 0.3 * Math.cos(k / 8)), box.y + box.height * (0.5 + 0.3 * Math.sin(k / 8))];
        const options = { pointerId: 1, button: 0, buttons: 1, bubbles: true, clientX, clientY };
        canvas.dispatchEvent(new PointerEvent(type, options));
      };
      const later = window.requestAnimationFrame;
      window.requestAnimationFrame = (draw) => void draw(performance.now()); // now, so that it counts
      canvas.setPointerCapture = () => {}; // this pointer is not real
      const costs = [];
      send("pointerdown", 0);
      for (let k = 1; k <= 60; k++) {
        const started = performance.now();
        send("pointermove", k);
        costs.push(performance.now() - started);
      }
      send("pointerup", 61);
      window.requestAnimationFrame = later;
      delete canvas.setPointerCapture;
      return costs;
    });
  }

  /** Connect an output to an input by name. */
  async connect(from, slot, to, input) {
    await this.page.evaluate(
      ([from, slot, to, input]) => {
        const graph = window.app.canvas.graph;
        const target = graph.getNodeById(to);
        graph.getNodeById(from).connect(slot, target, target.findInputSlot(input));
      },
      [from, slot, to, input],
    );
    await this.frames(4);
  }

  /** Let the page draw: Vue and the canvas need a few frames after a change. */
  async frames(count) {
    await this.page.evaluate(async (count) => {
      for (let k = 0; k < count; k++) await new Promise((done) => requestAnimationFrame(done));
    }, count);
  }

  /** A picture of one node, for people: PICTURES/name.png. */
  async picture(node, name, { margin = 14 } = {}) {
    if (!PICTURES) return;
    await this.page.evaluate(() => document.activeElement?.blur());
    await this.page.mouse.move(5, 5);
    await this.frames(6);
    const [x, y, width, height] = await this.page.evaluate((id) => {
      const node = window.app.canvas.graph.getNodeById(id);
      const element = document.querySelector(`[data-node-id="${id}"]`);
      if (element) {
        const box = element.getBoundingClientRect();
        return [box.x, box.y, box.width, box.height];
      }
      const { scale, offset } = window.app.canvas.ds;
      const origin = window.app.canvas.canvas.getBoundingClientRect();
      const [left, top] = [node.pos[0] + offset[0], node.pos[1] + offset[1] - 30];
      return [origin.x + left * scale, origin.y + top * scale, node.size[0] * scale, (node.size[1] + 30) * scale];
    }, node);
    const clip = { x: x - margin, y: y - margin, width: width + 2 * margin, height: height + 2 * margin };
    await this.page.screenshot({ path: path.join(PICTURES, `${name}.png`), clip });
  }
}

/** What the scripts of the control timeline share: one node with its widget, and ways to use it. */

import assert from "node:assert/strict";

const TYPE = "VASA_ControlTimeline";
export const WIDGET = "timeline";
export const TEN_MINUTES = "ten_minutes.wav";
const SIZE = { place: [360, 140], size: [520, 480] };
export const HEAD = { version: 1, gaze: { ease: "smooth", keys: [{ t: 0, yaw: 0, pitch: 0 }] } };
export const THREE = {
  version: 1,
  gaze: { ease: "smooth", keys: [{ t: 0, yaw: 0, pitch: 0 }, { t: 3, yaw: 12, pitch: -5 }, { t: 6.4, yaw: -10, pitch: 4 }] },
  distance: { ease: "linear", keys: [{ t: 2.2, distance: 1.2 }, { t: 7, distance: 0.85 }] },
  emotion: { ease: "smooth", keys: [{ t: 1, happiness: 0.1 }, { t: 4, happiness: 0.8, surprise: 0.3 }, { t: 8, sadness: 0.5 }] },
};

export const near = (actual, expected, allowed) =>
  assert.ok(Math.abs(actual - expected) <= allowed, `${actual} is not ${expected} within ${allowed}`);

/** Where a number of a lane's channel is at a time, as fractions of the canvas; view: the seconds that are shown. */
export async function spot(comfy, node, lane, time, channel, number, view = [0, 10]) {
  const canvas = await (await comfy.element(node, WIDGET)).$("canvas");
  return canvas.evaluate(
    async (canvas, [lane, time, channel, number, [from, to]]) => {
      const file = performance.getEntriesByType("resource").find(({ name }) => name.endsWith("/shared/stage.js"));
      const { Stage } = await import(file.name);
      const stage = Object.assign(new Stage(), { width: canvas.clientWidth, height: canvas.clientHeight, from, to });
      const range = { yaw: [-30, 30], pitch: [-20, 20], distance: [0.5, 2] }[channel] ?? [0, 1];
      const y = lane === "sound" ? 40 : stage.yAt(lane, number, range);
      return [stage.xAt(time) / canvas.clientWidth, y / canvas.clientHeight];
    },
    [lane, time, channel, number, view],
  );
}

/** A page with one timeline; `bench.node` is its id, another one after each start. */
export class Bench {
  constructor(comfy) {
    this.comfy = comfy;
  }

  /** An empty graph with a timeline of this value, or of none. */
  async start(timeline = THREE) {
    await this.comfy.clear();
    const values = timeline ? { [WIDGET]: timeline } : {};
    this.node = await this.comfy.add(TYPE, { ...SIZE, values });
  }

  at(...place) {
    return spot(this.comfy, this.node, ...place);
  }

  value() {
    return this.comfy.value(this.node, WIDGET);
  }

  async keysOf(lane) {
    return (await this.value())[lane]?.keys ?? [];
  }

  async click(place) {
    await this.comfy.page.mouse.click(...(await this.comfy.place(this.node, WIDGET, place)));
    await this.comfy.frames(3);
  }

  async doubleClick(place) {
    await this.comfy.page.mouse.dblclick(...(await this.comfy.place(this.node, WIDGET, place)));
    await this.comfy.frames(3);
  }

  async attribute(name) {
    return (await (await this.comfy.element(this.node, WIDGET)).$("canvas")).getAttribute(name);
  }

  /** Choose from a menu below the lanes. */
  async pick(name, choice) {
    const menu = await (await this.comfy.element(this.node, WIDGET)).$(`select[aria-label="${name}"]`);
    await menu.selectOption(choice);
    await this.comfy.frames(3);
  }

  /** Press a button below the lanes. */
  async press(name) {
    await (await (await this.comfy.element(this.node, WIDGET)).$(`button[aria-label="${name}"]`)).click();
    await this.comfy.frames(3);
  }

  /** Wait until it is about this long: as long as its sound. */
  shows(seconds) {
    return this.comfy.page.waitForFunction(
      ([id, seconds]) => {
        const { element } = window.app.canvas.graph.getNodeById(id).widgets.find((w) => w.name === "timeline");
        return Math.abs(Number(element.querySelector("canvas").getAttribute("aria-valuemax")) - seconds) < 0.05;
      },
      [this.node, seconds],
    );
  }
}

/** Put a WAV of ten minutes, 8 kHz, into the server's input folder. */
export async function tenMinutes() {
  const count = 600 * 8000;
  const file = Buffer.alloc(44 + count, 128);
  file.write("RIFF", 0);
  file.writeUInt32LE(36 + count, 4);
  file.write("WAVEfmt ", 8);
  file.writeUInt32LE(16, 16);
  [1, 1].forEach((number, k) => file.writeUInt16LE(number, 20 + 2 * k));
  [8000, 8000].forEach((number, k) => file.writeUInt32LE(number, 24 + 4 * k));
  [1, 8].forEach((number, k) => file.writeUInt16LE(number, 32 + 2 * k));
  file.write("data", 36);
  file.writeUInt32LE(count, 40);
  for (let k = 0; k < count; k++) file[44 + k] = 128 + 100 * Math.sin(k / 9) * Math.abs(Math.sin(k / 40000) * Math.sin(k / 3100));
  const form = new FormData();
  form.append("image", new Blob([file]), TEN_MINUTES);
  form.append("overwrite", "true");
  const answer = await fetch(`${process.env.COMFYUI}/upload/image`, { method: "POST", body: form });
  assert.ok(answer.ok, `upload: ${answer.status}`);
}

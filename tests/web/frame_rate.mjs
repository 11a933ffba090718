/**
 * Every widget dragged by the mouse on one page with ten minutes of sound and motion: how long frames really take, by
 * requestAnimationFrame, and how much of that the widget's own code takes. The first depends on how the machine draws
 * (without a graphics card the browser rasterises on the processor) and is printed; the second is held.
 */

import assert from "node:assert/strict";

import { NODES2 } from "./browser.mjs";
import { TEN_MINUTES, tenMinutes } from "./timeline_kit.mjs";

const MOVES = 40;
const MOST = 4; // ms of a frame's 16.7

export default async function (comfy, check) {
  const { page } = comfy;

  /** Milliseconds between the page's frames while `act` goes on. */
  const intervals = async (act) => {
    await page.evaluate(() => {
      window.ticks = [];
      const tick = (now) => window.ticks && (window.ticks.push(now), requestAnimationFrame(tick));
      requestAnimationFrame(tick);
    });
    await act();
    const ticks = await page.evaluate(() => [window.ticks, (window.ticks = null)][0]);
    return ticks.slice(1).map((now, k) => now - ticks[k]).sort((a, b) => a - b);
  };
  const at = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];

  /** Bring a node to the same place of the window. */
  const face = async (id) => {
    await page.evaluate((id) => {
      const { canvas } = window.app;
      const [x, y] = canvas.graph.getNodeById(id).pos;
      Object.assign(canvas.ds, { scale: 1, offset: [420 - x, 140 - y] });
      canvas.setDirty(true, true);
    }, id);
    await comfy.frames(8);
  };

  const nodes = {};
  await check("a page with ten minutes of sound and motion", async () => {
    await tenMinutes();
    const sound = await comfy.add("LoadAudio", { place: [0, 0], values: { audio: TEN_MINUTES } });
    const motion = await comfy.add("TestMotion", { place: [0, 300], values: { frames: 15000 } });
    const report = await comfy.add("TestReport", { place: [0, 900] });
    const widgets = [["VASA_Gaze", "gaze.value"], ["VASA_HeadDistance", "distance.value"], ["VASA_Emotion", "emotion.value"]];
    widgets.push(["VASA_ControlTimeline", "timeline"], ["VASA_MotionViewer", "viewer"]);
    for (const [k, [type, widget]] of widgets.entries()) {
      const id = await comfy.add(type, { place: [1400 + 700 * k, 0], size: [480, 500] });
      nodes[type] = [id, widget];
    }
    const many = Array.from({ length: 60 }, (_, k) => 10 * k);
    await comfy.set(...nodes.VASA_ControlTimeline, {
      version: 1,
      gaze: { ease: "smooth", keys: many.map((t) => ({ t, yaw: 20 * Math.sin(t), pitch: 10 * Math.cos(t) })) },
      distance: { ease: "smooth", keys: many.map((t) => ({ t, distance: 1 + Math.sin(t) / 3 })) },
      emotion: { ease: "smooth", keys: many.map((t, k) => ({ t, happiness: (k % 5) / 5, fear: (k % 3) / 4, anger: (k % 7) / 8 })) },
    });
    await comfy.connect(sound, 0, nodes.VASA_ControlTimeline[0], "audio");
    const [viewer] = nodes.VASA_MotionViewer;
    await comfy.connect(motion, 0, viewer, "motion");
    await comfy.connect(motion, 0, report, "value");
    await comfy.run(report);
    await page.waitForFunction(
      ([id, other]) => {
        const length = (id, name) =>
          window.app.canvas.graph.getNodeById(id).widgets.find((one) => one.name === name).element.querySelector("canvas").ariaValueMax;
        return Number(length(id, "timeline")) === 600 && Number(length(other, "viewer")) === 14999;
      },
      [nodes.VASA_ControlTimeline[0], viewer],
    );
    await face(nodes.VASA_Gaze[0]);
    const idle = await intervals(() => page.waitForTimeout(1000));
    console.log(`        ${at(idle, 0.5).toFixed(1)} ms a frame while nothing happens`);
  });

  for (const [type, [id, widget]] of Object.entries(nodes)) {
    await check(`${type} leaves a frame to the browser while it is dragged`, async () => {
      await face(id);
      const { x, y, width, height } = await comfy.box(id, widget);
      const place = (k) => [x + width * (0.5 + 0.3 * Math.cos(k / 8)), y + height * (0.5 + 0.3 * Math.sin(k / 8))];
      await page.mouse.move(...place(0));
      await page.mouse.down();
      const frames = await intervals(async () => {
        for (let k = 1; k <= MOVES; k++) await page.mouse.move(...place(k));
      });
      await page.mouse.up();
      await comfy.dragCosts(id, widget); // once for the browser to warm up
      const costs = (await comfy.dragCosts(id, widget)).sort((a, b) => a - b);
      const [real, slow, own] = [at(frames, 0.5), at(frames, 0.95), at(costs, 0.5)].map((ms) => ms.toFixed(1));
      console.log(`        ${real} ms a frame (${slow} ms one in twenty), ${own} ms of it the widget's, in ${NODES2 ? "Nodes 2.0" : "the classic canvas"}`);
      assert.ok(at(costs, 0.5) < MOST, `${own} ms`);
    });
  }
}

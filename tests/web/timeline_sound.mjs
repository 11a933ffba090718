import assert from "node:assert/strict";

import { NODES2 } from "./browser.mjs";
import { Bench, HEAD, TEN_MINUTES, WIDGET, tenMinutes } from "./timeline_kit.mjs";

const SPEECH = 8.905; // seconds of the bundled speech

export default async function (comfy, check) {
  const bench = new Bench(comfy);

  await check("the waveform of a file is there at once, and of another sound after a run", async () => {
    await bench.start();
    const sound = await comfy.add("LoadAudio", { place: [20, 140], values: { audio: "long.wav" } });
    await comfy.set(bench.node, WIDGET, HEAD);
    await comfy.connect(sound, 0, bench.node, "audio");
    await bench.shows(4);
    await comfy.set(sound, "audio", "clip.wav");
    await comfy.remember();
    await bench.shows(1.2);
    const louder = await comfy.add("AudioAdjustVolume", { place: [20, 420] });
    await comfy.connect(sound, 0, louder, "audio");
    await comfy.connect(louder, 0, bench.node, "audio");
    await bench.shows(10);
    const report = await comfy.add("TestReport", { place: [920, 140] });
    await comfy.connect(bench.node, 0, report, "value");
    await comfy.run(report);
    await bench.shows(1.2);
  });

  await check("with a track of ten minutes a drag costs little of a frame", async () => {
    await bench.start({ version: 1, distance: { ease: "smooth", keys: [] } });
    await tenMinutes();
    const sound = await comfy.add("LoadAudio", { place: [20, 140], values: { audio: TEN_MINUTES } });
    await comfy.connect(sound, 0, bench.node, "audio");
    await bench.shows(600);
    const many = Array.from({ length: 60 }, (_, k) => 10 * k);
    const [x, y] = [0.8, 0.5]; // where dragCosts begins
    const key = await keyAt(x, y);
    await comfy.set(bench.node, WIDGET, {
      version: 1,
      gaze: { ease: "smooth", keys: many.map((t) => ({ t, yaw: 20 * Math.sin(t), pitch: 10 * Math.cos(t) })) },
      distance: { ease: "smooth", keys: [{ t: 1, distance: 1 }, key] },
      emotion: { ease: "smooth", keys: many.map((t, k) => ({ t, happiness: (k % 5) / 5, fear: (k % 3) / 4, anger: (k % 7) / 8 })) },
    });
    const costs = await comfy.dragCosts(bench.node, WIDGET);
    const moved = (await bench.keysOf("distance"))[1];
    assert.notDeepEqual(moved, key);
    const sorted = costs.sort((a, b) => a - b);
    const median = sorted[sorted.length >> 1];
    console.log(`        ${median.toFixed(2)} ms a frame of a drag, ${sorted.at(-2).toFixed(2)} ms at worst but one`);
    assert.ok(median < 8, `${median} ms of the 16.7 that 60 frames a second leave`);
    if (process.env.PICTURES) await comfy.picture(bench.node, `timeline-ten-minutes-${NODES2 ? "nodes2" : "classic"}`);
  });

  /** A key of the distance lane at fractions of the canvas, with 600 s in view. */
  async function keyAt(x, y) {
    const [low, high] = [await bench.at("distance", 0, "distance", 0.5), await bench.at("distance", 600, "distance", 2, [0, 600])];
    const t = ((x - low[0]) / (high[0] - low[0])) * 600;
    return { t, distance: 0.5 + ((y - low[1]) / (high[1] - low[1])) * 1.5 };
  }

  await check("pictures for people", async () => {
    await bench.start();
    const sound = await comfy.add("LoadAudio", { place: [20, 640], values: { audio: "vasa_speech.wav" } });
    await comfy.connect(sound, 0, bench.node, "audio");
    await bench.shows(SPEECH);
    await comfy.press(bench.node, WIDGET, "PageDown", "PageDown", ".", ".");
    for (const theme of ["dark", "light"]) {
      await comfy.theme(theme);
      await comfy.picture(bench.node, `timeline-${NODES2 ? "nodes2" : "classic"}-${theme}`);
    }
    await comfy.theme("dark");
  });
}

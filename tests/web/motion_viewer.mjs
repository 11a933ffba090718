import assert from "node:assert/strict";

import { NODES2 } from "./browser.mjs";

const VIEWER = "VASA_MotionViewer";
const WIDGET = "viewer";

export default async function (comfy, check) {
  const attribute = async (node, name) =>
    Number(await (await (await comfy.element(node, WIDGET)).$("canvas")).getAttribute(name));
  const frame = (node) => attribute(node, "aria-valuenow");
  const legend = async (node) => (await comfy.element(node, WIDGET)).$$(".vasa-legend button");
  const pressed = async (node) => {
    const buttons = await legend(node);
    const states = await Promise.all(buttons.map((button) => button.getAttribute("aria-pressed")));
    const names = await Promise.all(buttons.map((button) => button.$eval("span", (span) => span.textContent)));
    return names.filter((_, k) => states[k] === "true");
  };
  const colours = async (node) =>
    (await (await comfy.element(node, WIDGET)).$("canvas")).evaluate((canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const found = new Set();
      for (let k = 0; k < data.length; k += 4) found.add(`${data[k]},${data[k + 1]},${data[k + 2]}`);
      return [...found];
    });

  /** Run the graph until the viewer has what it asked for. */
  const run = (viewer) =>
    comfy.page.evaluate(async (viewer) => {
      const { app } = window;
      const done = new Promise((resolve, reject) => {
        app.api.addEventListener("executed", ({ detail }) => String(detail.node) === String(viewer) && resolve());
        app.api.addEventListener("execution_error", ({ detail }) => reject(new Error(detail.exception_message)));
      });
      await app.queuePrompt(0);
      await done;
      for (let k = 0; k < 4; k++) await new Promise((drawn) => requestAnimationFrame(drawn));
    }, viewer);

  const graph = async (values = {}) => {
    await comfy.clear();
    const motion = await comfy.add("TestMotion", { place: [60, 140], values: { frames: 50, ...values } });
    const viewer = await comfy.add(VIEWER, { place: [420, 120], size: [420, 480] });
    await comfy.connect(motion, 0, viewer, "motion");
    return [viewer, motion];
  };
  /** The node's size, and what lies on it. */
  const looksOf = (viewer) =>
    comfy.page.evaluate((id) => {
      const { size, widgets, imgs } = window.app.canvas.graph.getNodeById(id);
      return { size: [...size].map(Math.round), widgets: widgets.map((widget) => widget.name), pictures: imgs?.length ?? 0 };
    }, viewer);
  let [viewer] = await graph();

  await check("before a run it says what to do", async () => {
    const canvas = await (await comfy.element(viewer, WIDGET)).$("canvas");
    assert.match(await canvas.getAttribute("aria-valuetext"), /Run the workflow/);
    assert.equal((await legend(viewer)).length, 0);
    assert.ok(await (await comfy.element(viewer, WIDGET)).$eval(".vasa-bar button", (button) => button.disabled));
    await comfy.press(viewer, WIDGET, "ArrowRight", "Space");
    assert.equal(await frame(viewer), 0);
  });

  await check("after a run it has curves", async () => {
    await run(viewer);
    assert.equal(await attribute(viewer, "aria-valuemax"), 49);
    assert.equal((await legend(viewer)).length, 13);
    assert.deepEqual(await pressed(viewer), ["yaw", "pitch", "roll", "jaw", "blink"]);
    const drawn = await colours(viewer);
    assert.ok(drawn.includes("63,147,214") && drawn.includes("217,86,122"), "yaw and jaw are drawn");
  });

  await check("a drag scrubs, Escape goes back", async () => {
    await comfy.drag(viewer, WIDGET, [0.1, 0.5], [0.5, 0.5], [0.75, 0.5]);
    const there = await frame(viewer);
    assert.ok(Math.abs(there - 37) <= 1, `${there}`);
    const [yaw] = await legend(viewer);
    assert.match(await yaw.textContent(), /yaw5\.\d°/);
    await comfy.page.mouse.move(...(await comfy.place(viewer, WIDGET, [0.2, 0.5])));
    await comfy.page.mouse.down();
    assert.ok(Math.abs((await frame(viewer)) - 10) <= 1);
    await comfy.page.keyboard.press("Escape");
    await comfy.page.mouse.up();
    assert.equal(await frame(viewer), there);
  });

  await check("a finger scrubs like the mouse", async () => {
    await comfy.swipe(viewer, WIDGET, [0.1, 0.5], [0.5, 0.5]);
    assert.ok(Math.abs((await frame(viewer)) - 25) <= 1);
  });

  await check("keys go frame by frame", async () => {
    await comfy.press(viewer, WIDGET, "Home", "ArrowRight", "ArrowRight", "ArrowLeft");
    assert.equal(await frame(viewer), 1);
    await comfy.press(viewer, WIDGET, "Shift+ArrowRight");
    assert.equal(await frame(viewer), 11);
    await comfy.press(viewer, WIDGET, "End", "ArrowRight");
    assert.equal(await frame(viewer), 49);
  });

  await check("space plays at true speed to the end, and pauses", async () => {
    await comfy.press(viewer, WIDGET, "Home");
    const started = Date.now();
    await comfy.press(viewer, WIDGET, "Space");
    await comfy.page.waitForFunction(() => document.querySelector(".vasa-bar button").ariaLabel === "play");
    assert.equal(await frame(viewer), 49);
    const seconds = (Date.now() - started) / 1000;
    assert.ok(seconds > 1.7, `two seconds were over in ${seconds}`);
    await comfy.press(viewer, WIDGET, "Space", "Space");
    const held = await frame(viewer);
    assert.ok(held < 49, "it began again");
    await comfy.frames(10);
    assert.equal(await frame(viewer), held);
  });

  await check("a click switches a curve, as one step of undo", async () => {
    await comfy.remember();
    const smile = (await legend(viewer))[7];
    await smile.click();
    assert.deepEqual(await pressed(viewer), ["yaw", "pitch", "roll", "jaw", "smile", "blink"]);
    await comfy.undo();
    assert.deepEqual(await pressed(viewer), ["yaw", "pitch", "roll", "jaw", "blink"], "and what the run said stays");
    await comfy.redo();
    assert.deepEqual(await pressed(viewer), ["yaw", "pitch", "roll", "jaw", "smile", "blink"]);
  });

  await check("saving keeps the choice, and no value besides", async () => {
    const saved = await comfy.workflow();
    const node = saved.nodes.find(({ type }) => type === VIEWER);
    assert.ok(!node.widgets_values?.length, JSON.stringify(node.widgets_values));
    assert.match(node.properties.curves, /smile/);
    assert.deepEqual(Object.keys(await comfy.inputs(viewer)), ["motion"]);
    await comfy.clear();
    await comfy.load(saved);
    await run(viewer);
    assert.deepEqual(await pressed(viewer), ["yaw", "pitch", "roll", "jaw", "smile", "blink"]);
  });

  await check("it lives on in a subgraph", async () => {
    const host = await comfy.intoSubgraph(viewer);
    const inner = await comfy.enter(host);
    assert.deepEqual((await comfy.workflow()).definitions.subgraphs[0].nodes[0].properties.curves.includes("smile"), true);
    await comfy.element(inner, WIDGET);
    await comfy.leave();
  });

  await check("codes without names are shown by number", async () => {
    [viewer] = await graph({ space: "codes" });
    await run(viewer);
    assert.deepEqual(await pressed(viewer), ["yaw", "pitch", "roll", "1", "2", "3"]);
    assert.equal((await legend(viewer)).length, 14);
  });

  await check("a drag costs little of a frame, with ten minutes and every curve", async () => {
    [viewer] = await graph({ frames: 15000 });
    await run(viewer);
    for (const button of await legend(viewer)) {
      if ((await button.getAttribute("aria-pressed")) === "false") await button.click();
    }
    await comfy.dragCosts(viewer, WIDGET); // once for the browser to warm up
    const costs = await comfy.dragCosts(viewer, WIDGET);
    const median = costs.sort((a, b) => a - b)[costs.length >> 1];
    console.log(`        ${median.toFixed(2)} ms a frame of a drag`);
    assert.ok(median < 8, `${median} ms of the 16.7 that 60 frames a second leave`);
  });

  await check("with a portrait and sound it shows decoded pictures, and plays", async () => {
    const [node, motion] = await graph({ frames: 30 });
    viewer = node;
    const face = await comfy.add("VASA_LoadFaceModel", { place: [-300, 100] });
    const picture = await comfy.add("LoadImage", { place: [-300, 300], values: { image: "vasa_astronaut.png" } });
    const portrait = await comfy.add("VASA_EncodePortrait", { place: [60, 300] });
    const sound = await comfy.add("LoadAudio", { place: [60, 600], values: { audio: "clip.wav" } });
    await comfy.connect(face, 0, portrait, "face_model");
    await comfy.connect(picture, 0, portrait, "image");
    await comfy.connect(face, 0, viewer, "face_model");
    await comfy.connect(portrait, 0, viewer, "portrait");
    await comfy.connect(sound, 0, viewer, "audio");
    const asked = [];
    comfy.page.on("request", (request) => request.url().includes("/view?") && asked.push(request.url()));
    const size = await looksOf(viewer);
    await comfy.page.evaluate(() => {
      window.lively = 0;
      window.app.api.addEventListener("b_preview_with_metadata", () => (window.lively += 1));
    });
    await run(viewer);
    await comfy.page.waitForTimeout(500);
    await comfy.page.evaluate(() => window.app.canvas.draw(true, true));
    await comfy.frames(4);
    assert.ok((await comfy.page.evaluate(() => window.lively)) > 0, "no live picture came");
    if (!NODES2) assert.deepEqual(await looksOf(viewer), size, "the last live picture lies on the node"); // there it is below
    assert.ok(asked.some((url) => /filename=vasa_\w+\.jpg/.test(url) && url.includes("type=temp")), asked.join());
    const stage = await (await comfy.element(viewer, WIDGET)).$(".vasa-stage canvas");
    const looks = () => stage.evaluate((canvas) => canvas.toDataURL());
    await comfy.press(viewer, WIDGET, "Home");
    const first = await looks();
    await comfy.press(viewer, WIDGET, "End");
    assert.ok((await looks()) !== first, "another picture");
    await comfy.press(viewer, WIDGET, "Space");
    await comfy.page.waitForFunction(() => Number(document.querySelector(".vasa-viewer canvas").getAttribute("aria-valuenow")) >= 29);
    assert.ok(asked.some((url) => /filename=vasa_sound\w+\.flac/.test(url)), asked.join());
    assert.ok(motion);
  });

  await check("pictures for people", async () => {
    const saved = await comfy.workflow();
    saved.nodes.find(({ type }) => type === VIEWER).size = [440, 470];
    await comfy.load(saved);
    await run(viewer); // from ComfyUI's cache, which sends no live picture
    await comfy.drag(viewer, WIDGET, [0.3, 0.5], [0.42, 0.5]);
    for (const theme of ["dark", "light"]) {
      await comfy.theme(theme);
      await comfy.picture(viewer, `viewer-${NODES2 ? "nodes2" : "classic"}-${theme}`);
    }
    await comfy.theme("dark");
  });
}

import assert from "node:assert/strict";

import { NODES2 } from "./browser.mjs";
import { Bench, HEAD, THREE, WIDGET, near, spot } from "./timeline_kit.mjs";

export default async function (comfy, check) {
  const bench = new Bench(comfy);

  await check("a double click adds a key where one points, one step of undo", async () => {
    await bench.start(null);
    const before = await bench.value();
    await bench.doubleClick(await bench.at("emotion", 4, "happiness", 0.5));
    const [key] = await bench.keysOf("emotion");
    near(key.happiness, 0.5, 0.03);
    assert.equal(key.t, 4);
    assert.deepEqual((await comfy.inputs(bench.node))[WIDGET], await bench.value());
    await comfy.undo();
    assert.deepEqual(await bench.value(), before);
    await comfy.redo();
    assert.deepEqual(await bench.keysOf("emotion"), [key]);
  });

  await check("a key is dragged in time and value, one step of undo", async () => {
    await bench.start();
    await comfy.drag(bench.node, WIDGET, await bench.at("gaze", 3, "yaw", 12), await bench.at("gaze", 3.5, "yaw", 16), await bench.at("gaze", 4.5, "yaw", 20));
    const key = (await bench.keysOf("gaze"))[1];
    near(key.t, 4.5, 0.05);
    near(key.yaw, 20, 1);
    assert.equal(key.pitch, -5);
    near(key.t / 0.04, Math.round(key.t / 0.04), 1e-6);
    await comfy.undo();
    assert.deepEqual(await bench.value(), THREE);
  });

  await check("it snaps to whole seconds and to the keys of other lanes, and stays between its neighbours", async () => {
    await bench.start();
    await comfy.drag(bench.node, WIDGET, await bench.at("gaze", 3, "yaw", 12), await bench.at("gaze", 4, "yaw", 12), await bench.at("gaze", 5.06, "yaw", 12));
    assert.equal((await bench.keysOf("gaze"))[1].t, 5);
    await comfy.drag(bench.node, WIDGET, await bench.at("gaze", 5, "yaw", 12), await bench.at("gaze", 3, "yaw", 12), await bench.at("gaze", 2.26, "yaw", 12));
    assert.equal((await bench.keysOf("gaze"))[1].t, 2.2);
    await comfy.drag(bench.node, WIDGET, await bench.at("gaze", 2.2, "yaw", 12), await bench.at("gaze", 6, "yaw", 12), await bench.at("gaze", 9, "yaw", 12));
    assert.equal((await bench.keysOf("gaze"))[1].t, 6.39);
    await comfy.page.keyboard.down("Shift");
    await comfy.drag(bench.node, WIDGET, await bench.at("distance", 7, "distance", 0.85), await bench.at("distance", 8, "distance", 1), await bench.at("distance", 9, "distance", 1.5));
    await comfy.page.keyboard.up("Shift");
    const key = (await bench.keysOf("distance"))[1];
    assert.equal(key.t, 7, "with Shift only the value");
    near(key.distance, 1.5, 0.05);
  });

  await check("Escape gives a drag up", async () => {
    await bench.start();
    await comfy.page.mouse.move(...(await comfy.place(bench.node, WIDGET, await bench.at("gaze", 3, "yaw", 12))));
    await comfy.page.mouse.down();
    await comfy.page.mouse.move(...(await comfy.place(bench.node, WIDGET, await bench.at("gaze", 4, "yaw", -12))), { steps: 3 });
    assert.notDeepEqual(await bench.value(), THREE);
    await comfy.page.keyboard.press("Escape");
    await comfy.page.mouse.up();
    assert.deepEqual(await bench.value(), THREE);
  });

  await check("a double click on a key, Delete and the button take it away", async () => {
    await bench.start();
    await bench.doubleClick(await bench.at("distance", 7, "distance", 0.85));
    assert.deepEqual(await bench.keysOf("distance"), [{ t: 2.2, distance: 1.2 }]);
    await bench.click(await bench.at("emotion", 8, "sadness", 0.5));
    await comfy.press(bench.node, WIDGET, "Delete");
    assert.equal((await bench.keysOf("emotion")).length, 2);
    await bench.click(await bench.at("emotion", 4, "happiness", 0.8));
    await bench.press("delete the key");
    assert.deepEqual(await bench.keysOf("emotion"), [{ t: 1, happiness: 0.1 }]);
    for (let k = 0; k < 3; k++) await comfy.undo();
    assert.deepEqual(await bench.value(), THREE);
  });

  await check("each lane has its transition", async () => {
    await bench.start();
    await bench.click(await bench.at("distance", 5, "distance", 1.8));
    await bench.pick("transition", "step");
    const changed = await bench.value();
    assert.equal(changed.distance.ease, "step");
    assert.deepEqual({ ...changed, distance: THREE.distance }, THREE);
    await comfy.undo();
    assert.deepEqual(await bench.value(), THREE);
  });

  await check("a key is copied to another time and to another timeline", async () => {
    await bench.start();
    await bench.click(await bench.at("emotion", 4, "happiness", 0.8));
    await comfy.press(bench.node, WIDGET, "c");
    await bench.click(await bench.at("sound", 6, "yaw", 0));
    await comfy.press(bench.node, WIDGET, "v");
    const copy = (await bench.keysOf("emotion"))[2];
    near(copy.t, 6, 0.05);
    assert.deepEqual({ ...copy, t: 4 }, THREE.emotion.keys[1]);
    await bench.press("copy the key");
    near((await bench.keysOf("emotion"))[3].t, copy.t + 0.5, 1e-6);
    await bench.start(HEAD);
    await comfy.press(bench.node, WIDGET, "v");
    assert.deepEqual(await bench.keysOf("emotion"), [{ t: 0, happiness: 0.8, surprise: 0.3 }]);
  });

  await check("keys alone do it all: go, add, change, walk, delete", async () => {
    await bench.start(HEAD);
    await comfy.press(bench.node, WIDGET, "ArrowUp", "Shift+ArrowUp");
    assert.deepEqual(await bench.keysOf("gaze"), [{ t: 0, yaw: 1.1, pitch: 0 }]);
    await comfy.undo();
    assert.equal((await bench.keysOf("gaze"))[0].yaw, 1);
    await comfy.press(bench.node, WIDGET, "End", "Enter", "ArrowLeft", "ArrowLeft", "Shift+ArrowRight", "ArrowDown");
    assert.deepEqual(await bench.keysOf("gaze"), [{ t: 0, yaw: 1, pitch: 0 }, { t: 9.93, yaw: 0, pitch: 0 }]);
    await comfy.press(bench.node, WIDGET, ",", "Delete");
    assert.deepEqual(await bench.keysOf("gaze"), [{ t: 9.93, yaw: 0, pitch: 0 }]);
    await comfy.press(bench.node, WIDGET, "PageDown", "Enter", "ArrowUp");
    assert.deepEqual(await bench.keysOf("distance"), [{ t: 0, distance: 1.05 }]);
    await comfy.press(bench.node, WIDGET, "PageDown", ".", "Enter", "ArrowUp");
    assert.deepEqual(await bench.keysOf("emotion"), [{ t: 0, happiness: 0.1 }]);
  });

  await check("times and numbers can be typed, and undone", async () => {
    await bench.start();
    await bench.click(await bench.at("gaze", 3, "pitch", -5));
    await comfy.type(bench.node, WIDGET, "pitch (°)", "7.5");
    await comfy.type(bench.node, WIDGET, "time (s)", "2.35");
    assert.deepEqual((await bench.keysOf("gaze"))[1], { t: 2.35, yaw: 12, pitch: 7.5 });
    await comfy.undo();
    await comfy.undo();
    assert.deepEqual(await bench.value(), THREE);
    await bench.pick("channel", "emotion/fear");
    await comfy.type(bench.node, WIDGET, "time (s)", "9");
    await comfy.type(bench.node, WIDGET, "fear", "99");
    assert.deepEqual((await bench.keysOf("emotion")).at(-1), { t: 9, fear: 1, sadness: 0.5 });
  });

  await check("a finger drags; two zoom; a double tap adds", async () => {
    await bench.start();
    await comfy.swipe(bench.node, WIDGET, await bench.at("gaze", 3, "yaw", 12), await bench.at("gaze", 4, "yaw", 15), await bench.at("gaze", 5, "yaw", 18));
    assert.equal((await bench.keysOf("gaze"))[1].t, 5);
    await comfy.undo();
    assert.deepEqual(await bench.value(), THREE);
    const [a, b, c, d] = await Promise.all([4, 6, 3, 7].map(async (t) => comfy.place(bench.node, WIDGET, await bench.at("gaze", t, "yaw", -25))));
    const session = await comfy.page.context().newCDPSession(comfy.page);
    await session.send("Emulation.setTouchEmulationEnabled", { enabled: true });
    const touch = (type, ...points) =>
      session.send("Input.dispatchTouchEvent", { type, touchPoints: points.map(([x, y], id) => ({ x, y, id })) });
    await touch("touchStart", a);
    await touch("touchStart", a, b);
    await touch("touchMove", c, d);
    await touch("touchEnd");
    await comfy.frames(3);
    assert.deepEqual(await bench.value(), THREE);
    const place = await comfy.place(bench.node, WIDGET, await bench.at("distance", 5, "distance", 1.6, [2.5, 7.5]));
    await Promise.all([1, 2].flatMap(() => [touch("touchStart", place), touch("touchEnd")])); // quickly
    await session.send("Emulation.setTouchEmulationEnabled", { enabled: false });
    await comfy.frames(3);
    const key = (await bench.keysOf("distance"))[1];
    near(key.t, 5, 0.05);
    near(key.distance, 1.6, 0.05);
  });

  await check("the wheel zooms the time once the timeline is clicked, and the graph before", async () => {
    await bench.start();
    const scale = () => comfy.page.evaluate(() => window.app.canvas.ds.scale);
    await comfy.page.evaluate(() => document.activeElement?.blur());
    await comfy.page.mouse.move(...(await comfy.place(bench.node, WIDGET, await bench.at("gaze", 5, "yaw", -25))));
    await comfy.page.mouse.wheel(0, -100);
    await comfy.frames(6);
    assert.notEqual(await scale(), 1);
    await comfy.zoom(1);
    await comfy.page.evaluate(() => Object.assign(window.app.canvas.ds, { scale: 1, offset: [0, 0] }));
    await comfy.frames(4);
    await bench.click(await bench.at("gaze", 5, "yaw", -25));
    await comfy.page.mouse.wheel(0, -500 * Math.log(2));
    await comfy.frames(4);
    assert.equal(await scale(), 1);
    await bench.doubleClick(await bench.at("emotion", 5, "happiness", 0.9, [2.5, 7.5]));
    await bench.doubleClick(await bench.at("emotion", 7, "happiness", 0.9, [2.5, 7.5]));
    assert.deepEqual((await bench.keysOf("emotion")).map((key) => key.t), [1, 4, 5, 7, 8]);
    await comfy.drag(bench.node, WIDGET, await bench.at("gaze", 4, "yaw", -25, [2.5, 7.5]), await bench.at("gaze", 3.4, "yaw", -25, [2.5, 7.5]), await bench.at("gaze", 3, "yaw", -25, [2.5, 7.5]));
    await bench.doubleClick(await bench.at("emotion", 6, "happiness", 0.9, [3.5, 8.5]));
    assert.deepEqual((await bench.keysOf("emotion")).map((key) => key.t), [1, 4, 5, 6, 7, 8]);
    await comfy.undo();
    await bench.doubleClick(await bench.at("emotion", 6, "happiness", 0.9, [3.5, 8.5]));
    assert.equal((await bench.keysOf("emotion")).length, 6, "undo keeps what is in view");
  });

  await check("save, load, copy and subgraph keep it", async () => {
    await bench.start();
    const saved = await comfy.workflow();
    assert.deepEqual(saved.nodes[0].widgets_values, [THREE]);
    await comfy.clear();
    await comfy.load(saved);
    assert.deepEqual(await bench.value(), THREE);
    const copy = await comfy.copy(bench.node);
    await comfy.set(copy, WIDGET, HEAD);
    assert.deepEqual(await bench.value(), THREE);
    await comfy.remove(copy);
    const host = await comfy.intoSubgraph(bench.node);
    const inner = await comfy.enter(host);
    assert.deepEqual(await comfy.value(inner, WIDGET), THREE);
    await comfy.drag(inner, WIDGET, await spot(comfy, inner, "gaze", 3, "yaw", 12), await spot(comfy, inner, "gaze", 4, "yaw", 20));
    const changed = await comfy.value(inner, WIDGET);
    assert.equal(changed.gaze.keys[1].t, 4);
    await comfy.leave();
    await comfy.load(await comfy.workflow());
    assert.deepEqual((await comfy.inputs(`${host}:${inner}`))[WIDGET], changed);
  });

  await check("a run gets it; a socket can drive it", async () => {
    await bench.start();
    const report = await comfy.add("TestReport", { place: [920, 140] });
    await comfy.connect(bench.node, 0, report, "value");
    const told = await comfy.run(report);
    assert.match(told, /gaze=Curve\(times=tensor\(\[0\.0000, 3\.0000, 6\.4000\]/);
    assert.match(told, /ease='linear'\), emotion=Curve/);
    const source = await comfy.add("TestWidgetValues", { place: [80, 140] });
    await comfy.connect(source, 3, bench.node, WIDGET);
    assert.deepEqual((await comfy.inputs(bench.node))[WIDGET], [String(source), 3]);
    assert.match(await comfy.run(report), /gaze=None, distance=Curve\(times=tensor\(\[0\.5000\]/);
    if (NODES2) assert.ok(await (await comfy.element(bench.node, WIDGET)).evaluate((element) => element.inert));
    await comfy.remove(source);
    assert.deepEqual((await comfy.inputs(bench.node))[WIDGET], THREE);
  });

  await check("a value of a later version, or a damaged one, is kept, said, and can be set again", async () => {
    await bench.start();
    const later = { version: 2, something: 1 };
    await comfy.set(bench.node, WIDGET, later);
    assert.deepEqual(await bench.value(), later);
    assert.match(await (await comfy.element(bench.node, WIDGET)).textContent(), /not understood/);
    await comfy.press(bench.node, WIDGET, "ArrowUp");
    assert.equal((await bench.value()).version, 1);
    await comfy.set(bench.node, WIDGET, { version: 1, gaze: "x", emotion: { ease: 3, keys: [null, { t: "a" }, { t: 1, fear: "b" }] } });
    await comfy.press(bench.node, WIDGET, "Enter");
    assert.equal((await bench.keysOf("gaze")).length, 1);
  });

  await check("assistive technology is told what it is and what it shows", async () => {
    await bench.start();
    assert.equal(await bench.attribute("role"), "slider");
    assert.equal(await bench.attribute("aria-valuetext"), "0.00 s, yaw 0.00");
    const unnamed = await (await comfy.element(bench.node, WIDGET)).$$eval("input, select, button", (all) =>
      all.filter((one) => !one.getAttribute("aria-label")).length,
    );
    assert.equal(unnamed, 0);
  });
}

import assert from "node:assert/strict";

import { survives } from "./widget_checks.mjs";

const near = (actual, expected) => assert.ok(Math.abs(actual - expected) <= 2.5, `${actual} is not ${expected}`);

export default async function (comfy, check) {
  await survives(comfy, check, {
    type: "VASA_Gaze",
    choice: "gaze",
    drag: [[0.5, 0.5], [0.6, 0.45], [0.7, 0.35]],
    dragged: ({ version, yaw, pitch }) => {
      assert.equal(version, 1);
      assert.ok(yaw > 5 && yaw < 25 && pitch > 2 && pitch < 15, `${yaw}, ${pitch}`);
      assert.ok(Number.isInteger(2 * yaw) && Number.isInteger(2 * pitch));
    },
    keys: ["ArrowRight", "ArrowUp", "ArrowUp", "Shift+ArrowLeft"],
    pressed: (value) => assert.deepEqual(value, { version: 1, yaw: 0.9, pitch: 2 }),
    field: "yaw (°)",
    text: "-12.3",
    typed: ({ yaw }) => assert.equal(yaw, -12.3),
    other: { version: 1, yaw: -20, pitch: 5.5 },
    reaches: /gaze=Curve\(.*values=tensor\(\[\[0\.[0-9]+, 0\.[0-9]+\]\]\)/,
    shown: { version: 1, yaw: 11, pitch: 5 },
  });

  await check("where one points is where the eyes look", async () => {
    await comfy.clear();
    const node = await comfy.add("VASA_Gaze", { size: [340, 330] });
    const [left, right] = [[0.02, 0.5], [0.98, 0.5]];
    await comfy.drag(node, "gaze.value", [0.5, 0.5], right);
    near((await comfy.value(node, "gaze.value")).yaw, 30);
    await comfy.drag(node, "gaze.value", [0.5, 0.5], left);
    near((await comfy.value(node, "gaze.value")).yaw, -30);
    await comfy.drag(node, "gaze.value", [0.5, 0.5], [0.5, 0.02]);
    assert.ok((await comfy.value(node, "gaze.value")).pitch > 10, "up is positive");
    assert.equal((await comfy.value(node, "gaze.value")).yaw, 0, "near an axis it snaps");
  });

  await check("a double click and 0 look at the camera again", async () => {
    await comfy.clear();
    const node = await comfy.add("VASA_Gaze", { size: [340, 330] });
    const ahead = { version: 1, yaw: 0, pitch: 0 };
    await comfy.set(node, "gaze.value", { version: 1, yaw: 9, pitch: 9 });
    await comfy.page.mouse.dblclick(...(await comfy.place(node, "gaze.value", [0.3, 0.3])));
    assert.deepEqual(await comfy.value(node, "gaze.value"), ahead);
    await comfy.set(node, "gaze.value", { version: 1, yaw: 9, pitch: 9 });
    await comfy.press(node, "gaze.value", "0");
    assert.deepEqual(await comfy.value(node, "gaze.value"), ahead);
  });
}

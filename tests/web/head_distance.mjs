import assert from "node:assert/strict";

import { survives } from "./widget_checks.mjs";

export default async function (comfy, check) {
  await survives(comfy, check, {
    type: "VASA_HeadDistance",
    choice: "distance",
    drag: [[0.7, 0.4], [0.65, 0.4], [0.6, 0.4]],
    dragged: ({ version, distance }) => {
      assert.equal(version, 1);
      assert.ok(distance > 1.2 && distance <= 2, String(distance)); // pulled towards the middle: further away
    },
    keys: ["ArrowRight", "ArrowUp", "Shift+ArrowLeft"],
    pressed: (value) => assert.deepEqual(value, { version: 1, distance: 1.09 }),
    field: "distance",
    text: "0.87",
    typed: ({ distance }) => assert.equal(distance, 0.87),
    other: { version: 1, distance: 0.75 },
    reaches: /distance=Curve\(.*values=tensor\(\[\[(1\.[2-9]|2\.)/,
    shown: { version: 1, distance: 1.2 },
  });

  await check("the ruler sets the distance where one presses", async () => {
    await comfy.clear();
    const node = await comfy.add("VASA_HeadDistance", { size: [340, 330] });
    const { width, height } = await comfy.box(node, "distance.value");
    const at = (part) => [(14 + part * (width - 28)) / width, (height - 27) / height];
    for (const [part, distance] of [[0, 0.5], [0.5, 1], [1, 2]]) {
      await comfy.drag(node, "distance.value", at(part), at(part));
      const value = (await comfy.value(node, "distance.value")).distance;
      assert.ok(Math.abs(value - distance) < 0.03, `${value} is not ${distance}`);
    }
  });
}

import assert from "node:assert/strict";

import { survives } from "./widget_checks.mjs";

const NODE = { size: [360, 420] };

/** A place in the petal number k, clockwise from the top, at a strength: as fractions of the canvas. */
async function petal(comfy, node, k, strength) {
  const { width, height } = await comfy.box(node, "emotion.value");
  const rim = Math.min(height / 2 - 20, width / 2 - 62);
  const radius = rim * (0.44 + 0.56 * strength);
  const angle = (k * Math.PI) / 4;
  return [0.5 + (radius * Math.sin(angle)) / width, 0.5 - (radius * Math.cos(angle)) / height];
}

export default async function (comfy, check) {
  await survives(comfy, check, {
    type: "VASA_Emotion",
    choice: "emotion",
    drag: [[0.61, 0.35], [0.64, 0.31], [0.66, 0.28]],
    dragged: ({ version, happiness, surprise }) => {
      assert.equal(version, 1);
      assert.equal(happiness, 0.6);
      assert.ok(surprise > 0.2 && surprise <= 1, String(surprise));
    },
    keys: ["ArrowDown", "Shift+ArrowUp"],
    pressed: (value) => assert.deepEqual(value, { happiness: 0.56, version: 1 }),
    field: "strength",
    text: "0.33",
    typed: (value) => assert.deepEqual(value, { happiness: 0.33, version: 1 }),
    other: { version: 1, sadness: 0.4, fear: 0.2 },
    reaches: /emotion=Curve\(.*values=tensor\(\[\[0\.0000, 0\.0000, 0\.0000, 0\.0000, 0\.6000, 0\.0000, 0\.0000, (0\.[2-9]|1\.)/,
    shown: { version: 1, happiness: 0.7, surprise: 0.35 },
    tall: 420,
  });

  await check("each petal sets its emotion, as strong as it is long", async () => {
    await comfy.clear();
    const node = await comfy.add("VASA_Emotion", NODE);
    await comfy.set(node, "emotion.value", { version: 1 });
    const around = ["happiness", "surprise", "fear", "sadness", "neutral", "disgust", "contempt", "anger"];
    for (const [k, name] of around.entries()) {
      const place = await petal(comfy, node, k, 0.5);
      await comfy.drag(node, "emotion.value", place, place);
      const strength = (await comfy.value(node, "emotion.value"))[name];
      assert.ok(Math.abs(strength - 0.5) < 0.04, `${name} ${strength}`);
    }
    assert.equal(Object.keys(await comfy.value(node, "emotion.value")).length, 9);
  });

  await check("intensity scales the mixture and keeps its shares", async () => {
    await comfy.clear();
    const node = await comfy.add("VASA_Emotion", NODE);
    await comfy.set(node, "emotion.value", { version: 1, fear: 0.8, surprise: 0.4 });
    await comfy.type(node, "emotion.value", "intensity", "0.5");
    assert.deepEqual(await comfy.value(node, "emotion.value"), { surprise: 0.25, fear: 0.5, version: 1 });
  });

  await check("the keyboard goes round the wheel; 0 and a double click clear", async () => {
    await comfy.clear();
    const node = await comfy.add("VASA_Emotion", NODE);
    await comfy.press(node, "emotion.value", "ArrowLeft", "ArrowUp", "ArrowUp");
    assert.deepEqual(await comfy.value(node, "emotion.value"), { happiness: 0.6, anger: 0.1, version: 1 });
    await comfy.press(node, "emotion.value", "0");
    assert.deepEqual(await comfy.value(node, "emotion.value"), { happiness: 0.6, version: 1 });
    const place = await comfy.place(node, "emotion.value", await petal(comfy, node, 0, 0.3));
    await comfy.page.mouse.dblclick(...place);
    assert.deepEqual(await comfy.value(node, "emotion.value"), { version: 1 });
  });
}

/** Contrast of colours by WCAG 2.1, measured on what is drawn: 4.5 for text, 3 for what else one needs to see. */

import assert from "node:assert/strict";

import { NODES2 } from "./browser.mjs";
import { THREE } from "./timeline_kit.mjs";

const [TEXT, PART] = [4.5, 3];
const FAINT = 0.4; // below this opacity: aids that say nothing alone, such as the cross hair through a handle
const SHADING = 0.6; // and in a face its nose and wrinkles

export default async function (comfy, check) {
  await comfy.page.evaluate(watch);

  for (const theme of ["dark", "light"]) {
    for (const [type, widget, value] of [
      ["VASA_Gaze", "gaze.value", { version: 1, yaw: 9, pitch: 5 }],
      ["VASA_Gaze", "gaze.value", { version: 1, yaw: 25, pitch: -17 }],
      ["VASA_HeadDistance", "distance.value", { version: 1, distance: 1.2 }],
      ["VASA_HeadDistance", "distance.value", { version: 1, distance: 1.9 }],
      ["VASA_Emotion", "emotion.value", Object.fromEntries([["version", 1], ...EMOTIONS.map((name) => [name, 0.6])])],
      ["VASA_ControlTimeline", "timeline", { ...THREE, emotion: { ease: "smooth", keys: [{ t: 1, ...all(0.5) }, { t: 5, ...all(0.9) }] } }],
      ["VASA_ControlTimeline", "timeline", { version: 1 }],
      ["VASA_MotionViewer", "viewer", null],
    ]) {
      await check(`${type} in the ${theme} theme is readable`, async () => {
        await comfy.clear();
        await comfy.theme(theme);
        const node = value ? await comfy.add(type, { place: [420, 140], size: [460, 470] }) : await viewed(comfy, type);
        if (value) await comfy.set(node, widget, value);
        const element = await comfy.element(node, widget);
        const bad = [...(await drawn(comfy, element)), ...(await written(comfy, element))];
        assert.deepEqual(bad, []);
      });
    }
  }
  await comfy.theme("dark");
  await comfy.page.evaluate(() => window.unwatch());
  if (NODES2) await check("the measure itself is that of WCAG", async () => {
    const ratio = (a, b) => comfy.page.evaluate(([a, b]) => window.contrastOf(a, b), [a, b]);
    assert.equal((await ratio([0, 0, 0], [255, 255, 255])).toFixed(2), "21.00");
    assert.equal((await ratio([119, 119, 119], [255, 255, 255])).toFixed(2), "4.48");
  });
}

const EMOTIONS = ["anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"];

function all(strength) {
  return Object.fromEntries(EMOTIONS.map((name, k) => [name, strength - 0.05 * k]));
}

/** A viewer after a run, with every curve on. */
async function viewed(comfy, type) {
  const motion = await comfy.add("TestMotion", { place: [60, 140], values: { frames: 50 } });
  const viewer = await comfy.add(type, { place: [420, 140], size: [460, 520] });
  await comfy.connect(motion, 0, viewer, "motion");
  await comfy.page.evaluate(async (viewer) => {
    const { app } = window;
    app.canvas.graph.getNodeById(viewer).properties.curves = "yaw, pitch, roll, x, y, scale, jaw, smile, pucker, blink, brows";
    const done = new Promise((resolve) => {
      app.api.addEventListener("executed", ({ detail }) => String(detail.node) === String(viewer) && resolve());
    });
    await app.queuePrompt(0);
    await done;
  }, viewer);
  await comfy.frames(6);
  return viewer;
}

/** In the page: note every text and colour that goes onto a canvas of ours, with the pixels that are below each text. */
function watch() {
  const { prototype } = CanvasRenderingContext2D;
  const before = Object.fromEntries(["fillText", "fill", "fillRect", "stroke"].map((name) => [name, prototype[name]]));
  const ours = (context) => window.noted && context.canvas.classList.contains("vasa-surface");
  const note = (context, style, more) => {
    if (typeof style === "string") window.noted.push({ canvas: context.canvas, style, alpha: context.globalAlpha, ...more });
  };
  prototype.fillText = function (text, x, y) {
    if (!ours(this)) return before.fillText.call(this, text, x, y);
    const { width } = this.measureText(text);
    const left = x - width * ({ center: 0.5, right: 1 }[this.textAlign] ?? 0);
    const at = this.getTransform();
    const box = [at.a * left + at.e, at.d * (y - 5) + at.f, at.a * width, at.d * 10];
    note(this, this.fillStyle, { text, box }); // and not drawn, so that only what is below it remains
  };
  for (const [name, style] of [["fill", "fillStyle"], ["fillRect", "fillStyle"], ["stroke", "strokeStyle"]]) {
    prototype[name] = function (...how) {
      if (ours(this)) note(this, this[style], {});
      return before[name].apply(this, how);
    };
  }
  window.unwatch = () => Object.assign(prototype, before);

  const light = (value) => (value <= 0.04045 * 255 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([red, green, blue]) => 0.2126 * light(red) + 0.7152 * light(green) + 0.0722 * light(blue);
  window.contrastOf = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((one, two) => one - two);
    return (high + 0.05) / (low + 0.05);
  };
  /** [red, green, blue, opacity] of a CSS colour: as a canvas says it, which is in one of three ways. */
  window.partsOf = (colour) => {
    const context = document.createElement("canvas").getContext("2d");
    context.fillStyle = colour;
    const said = context.fillStyle;
    if (said.startsWith("#")) return [1, 3, 5].map((k) => parseInt(said.slice(k, k + 2), 16)).concat(1);
    const [red, green, blue, alpha = 1] = said.replace("srgb", "").match(/[\d.]+/g).map(Number);
    return [...[red, green, blue].map((part) => part * (said.startsWith("color(") ? 255 : 1)), alpha];
  };
  window.over = ([red, green, blue, alpha], below) => [red, green, blue].map((part, k) => part * alpha + below[k] * (1 - alpha));
  /** The colour that most of these pixels have. */
  window.mostOf = (data) => {
    const count = new Map();
    for (let k = 0; k < data.length; k += 4) {
      const colour = `${data[k]},${data[k + 1]},${data[k + 2]}`;
      count.set(colour, (count.get(colour) ?? 0) + 1);
    }
    const [most] = [...count].sort((a, b) => b[1] - a[1]);
    return most[0].split(",").map(Number);
  };
}

/** What is too weak on the canvases of a widget. */
function drawn(comfy, element) {
  return element.evaluate(
    async (element, [TEXT, PART, FAINT, SHADING]) => {
      const { contrastOf, mostOf, over, partsOf } = window;
      const file = performance.getEntriesByType("resource").find(({ name }) => name.endsWith("/shared/theme.js"));
      const { currentTheme } = await import(file.name);
      const theme = currentTheme();
      const grounds = [theme.surface, theme.raised].map((colour) => partsOf(colour).slice(0, 3));
      const face = ["skin", "shade", "hair", "eye", "pupil", "mouth", "teeth"]; // a picture
      const opaque = (colour) => partsOf(colour).slice(0, 3).join();
      const decor = new Set(["#fff", ...["surface", "raised", "grid", "line", ...face].map((name) => theme[name])].map(opaque));
      const bad = new Set();
      for (const canvas of element.querySelectorAll("canvas")) {
        window.noted = [];
        canvas.dispatchEvent(new Event("focus")); // which draws it
        for (let k = 0; k < 3; k++) await new Promise((done) => requestAnimationFrame(done));
        const noted = window.noted.filter((one) => one.canvas === canvas);
        window.noted = null;
        if (!noted.length) bad.add("nothing was drawn");
        const context = canvas.getContext("2d");
        for (const { style, alpha, text, box } of noted) {
          const [red, green, blue, opacity] = partsOf(style);
          const colour = [red, green, blue, opacity * alpha];
          if (text) {
            const below = mostOf(context.getImageData(...box.map(Math.round)).data);
            const ratio = contrastOf(over(colour, below), below);
            if (ratio < TEXT) bad.add(`text "${text}" ${style} on ${below}: ${ratio.toFixed(2)}`);
          } else if (!decor.has(opaque(style)) && colour[3] >= (opaque(style) === opaque(theme.feature) ? SHADING : FAINT)) {
            const ratio = Math.min(...grounds.map((below) => contrastOf(over(colour, below), below)));
            if (ratio < PART) bad.add(`part ${style} at ${colour[3].toFixed(2)}: ${ratio.toFixed(2)}`);
          }
        }
        canvas.dispatchEvent(new Event("blur"));
      }
      return [...bad];
    },
    [TEXT, PART, FAINT, SHADING],
  );
}

/** Which of a widget's other texts are too weak: their colour on the colour of most pixels around them. */
async function written(comfy, element) {
  await comfy.frames(4);
  const box = await element.boundingBox();
  const picture = (await comfy.page.screenshot({ clip: box })).toString("base64");
  return element.evaluate(
    async (element, [picture, TEXT, PART]) => {
      const { contrastOf, mostOf, over, partsOf } = window;
      const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${picture}`)).blob());
      const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
      context.drawImage(image, 0, 0);
      const origin = element.getBoundingClientRect();
      const bad = new Set();
      for (const one of element.querySelectorAll("*")) {
        const own = [...one.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
        const icon = ["i", "svg"].includes(one.localName);
        const { x, y, width, height } = one.getBoundingClientRect();
        if (!(own || icon || ["input", "select"].includes(one.localName)) || one.localName === "option" || !(width > 2 && height > 2)) continue;
        if (!one.checkVisibility() || y + height > origin.bottom + 1 || one.disabled) continue;
        const around = icon ? 3 : 0;
        const { data } = context.getImageData(x - origin.x - around, y - origin.y - around, width + 2 * around, height + 2 * around);
        const below = icon ? [data[0], data[1], data[2]] : mostOf(data);
        const ratio = contrastOf(over(partsOf(getComputedStyle(one).color), below), below);
        if (ratio < (icon ? PART : TEXT)) {
          bad.add(`${one.localName} "${(one.value ?? one.textContent).slice(0, 20)}" ${getComputedStyle(one).color} on ${below}: ${ratio.toFixed(2)}`);
        }
      }
      return [...bad];
    },
    [picture, TEXT, PART],
  );
}

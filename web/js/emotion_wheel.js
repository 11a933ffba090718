/** The emotion wheel: a petal for each of eight emotions, as long as it is strong, around a face that feels the mixture. */

import { app } from "../../../scripts/app.js";
import { drawFace } from "./shared/face.js";
import { Surface, label, roundedBox, snapped } from "./shared/surface.js";
import { commit, keepEvents, numberField, once, valueWidget } from "./shared/widget.js";
import { word } from "./shared/words.js";

/** Clockwise from the top: what feels alike lies side by side. */
const AROUND = ["happiness", "surprise", "fear", "sadness", "neutral", "disgust", "contempt", "anger"];
const SECTOR = (2 * Math.PI) / AROUND.length;
const GAP = 0.035; // radians between petals
const HUB = 0.44; // radius of the face's disk, as a part of the wheel's
const ROOM_FOR_NAMES = 280; // pixels of width
const STEP = 0.01;
const COARSE = 0.05;

app.registerExtension({
  name: "vasa.emotionWheel",
  getCustomWidgets: () => ({ VASA_EMOTION: valueWidget({ height: 290, width: 330, make: makeEmotionWheel }) }),
});

function makeEmotionWheel(model) {
  const range = [0, 1];
  const state = { chosen: strongest(mixtureOf(model)) ?? "happiness", hovered: null, before: null };
  const read = (name) => mixtureOf(model)[name] ?? 0;
  const write = (name, strength) => writeMixture({ ...mixtureOf(model), [name]: snapped(strength, range, STEP) });
  const wheel = () => wheelOf(surface.canvas.clientWidth, surface.canvas.clientHeight);

  /** Only what is felt is kept, so that a value says what it means. */
  function writeMixture(mixture) {
    model.replace(Object.fromEntries(Object.entries(mixture).filter(([, strength]) => strength > 0)));
  }

  const surface = new Surface({
    draw: (context, view) => drawWheel(context, view, mixtureOf(model), state),
    drag: {
      start: (point) => {
        state.before = model.value;
        state.chosen = petalAt(point, wheel()) ?? state.chosen;
        state.moving = petalAt(point, wheel()) !== null;
        move(point);
      },
      move,
      end: commit,
      cancel: () => model.replace(state.before),
    },
    hover: (point) => {
      const petal = point && petalAt(point, wheel());
      if (petal !== state.hovered) surface.redraw();
      state.hovered = petal;
      return petal ? "pointer" : "default";
    },
    keys: (key, fine) => {
      const step = fine ? STEP : COARSE;
      const turn = { ArrowRight: 1, ArrowLeft: -1 }[key];
      const change = { ArrowUp: step, ArrowDown: -step }[key];
      if (turn) choose(AROUND[(AROUND.indexOf(state.chosen) + turn + AROUND.length) % AROUND.length]);
      else if (change) once(() => write(state.chosen, read(state.chosen) + change));
      else if (key === "0") once(() => write(state.chosen, 0));
      else if (key === "1") once(() => write(state.chosen, 1));
      else if (key === "Home") once(() => writeMixture({}));
      else return false;
      return true;
    },
    reset: (point) => {
      const petal = petalAt(point, wheel());
      once(() => (petal ? write(petal, 0) : writeMixture({})));
    },
  });

  function move({ x, y }) {
    if (!state.moving) return;
    const { centre, hub, rim } = wheel();
    write(state.chosen, (Math.hypot(x - centre.x, y - centre.y) - hub) / (rim - hub));
  }

  function choose(name) {
    state.chosen = name;
    show(true);
  }

  const which = document.createElement("label");
  which.className = "vasa-field";
  const select = which.appendChild(document.createElement("select"));
  select.setAttribute("aria-label", word("emotion"));
  select.append(...AROUND.map((name) => new Option(word(name), name)));
  select.addEventListener("change", () => choose(select.value));
  keepEvents(which);
  const strength = numberField({
    label: "strength",
    range,
    step: STEP,
    digits: 2,
    read: () => read(state.chosen),
    write: (number) => write(state.chosen, number),
  });
  const intensity = numberField({
    label: "intensity",
    range,
    step: STEP,
    digits: 2,
    read: () => Math.max(0, ...Object.values(mixtureOf(model))),
    write: (number) => writeMixture(scaled(mixtureOf(model), state.chosen, number)),
  });
  intensity.element.title = "The strongest of the mixture; the others keep their shares.";

  function show(byUser) {
    const mixture = mixtureOf(model);
    if (!byUser && !mixture[state.chosen]) state.chosen = strongest(mixture) ?? state.chosen;
    surface.describe({
      role: "slider",
      "aria-label": `${word("emotion")}: ${word(state.chosen)}`,
      "aria-valuemin": 0,
      "aria-valuemax": 1,
      "aria-valuenow": read(state.chosen),
      "aria-valuetext": `${read(state.chosen).toFixed(2)} (${inWords(mixture)})`,
    });
    select.value = state.chosen;
    strength.show();
    intensity.show();
    surface.redraw();
  }

  return { surface, fields: [{ element: which, show() {} }, strength, intensity], show };
}

function mixtureOf(model) {
  if (!model.understood) return {};
  return Object.fromEntries(AROUND.map((name) => [name, model.value[name] ?? 0]).filter(([, strength]) => strength > 0));
}

function strongest(mixture) {
  return Object.keys(mixture).sort((a, b) => mixture[b] - mixture[a])[0];
}

function inWords(mixture) {
  const parts = Object.entries(mixture).sort((a, b) => b[1] - a[1]);
  return parts.map(([name, strength]) => `${word(name)} ${strength.toFixed(2)}`).join(", ") || "0";
}

/** The mixture with `number` as its strongest part, the shares kept; where there is none, `chosen` becomes it. */
function scaled(mixture, chosen, number) {
  const most = Math.max(0, ...Object.values(mixture));
  if (!most) return { [chosen]: number };
  const round = (strength) => snapped((strength * number) / most, [0, 1], STEP);
  return Object.fromEntries(Object.entries(mixture).map(([name, strength]) => [name, round(strength)]));
}

/** Centre, whether there is room for names around it, and radii of the face's disk (hub) and of a petal at full strength (rim). */
function wheelOf(width, height) {
  const named = width >= ROOM_FOR_NAMES;
  const rim = Math.max(30, named ? Math.min(height / 2 - 20, width / 2 - 62) : Math.min(height, width) / 2 - 8);
  return { centre: { x: width / 2, y: height / 2 }, rim, hub: rim * HUB, named };
}

/** The emotion whose petal a point is in, or null within the face or far outside. */
function petalAt({ x, y }, { centre, hub, rim }) {
  const distance = Math.hypot(x - centre.x, y - centre.y);
  if (distance < hub * 0.92 || distance > rim + 24) return null;
  const turn = Math.atan2(x - centre.x, centre.y - y) / SECTOR; // clockwise from the top
  return AROUND[(Math.round(turn) + AROUND.length) % AROUND.length];
}

function drawWheel(context, { width, height, theme, focused }, mixture, state) {
  const wheel = wheelOf(width, height);
  const { centre, hub, rim } = wheel;
  roundedBox(context, 0, 0, width, height, 8);
  context.fillStyle = theme.surface;
  context.fill();
  AROUND.forEach((name, k) => {
    const strength = mixture[name] ?? 0;
    const marked = name === state.hovered || (focused && name === state.chosen);
    petal(context, centre, k, hub + 3, rim);
    context.fillStyle = theme.dark ? "#ffffff0d" : "#0000000d";
    context.fill();
    if (marked) outline(context, theme.muted);
    if (strength > 0) {
      petal(context, centre, k, hub + 3, Math.max(hub + 5, hub + (rim - hub) * strength));
      context.fillStyle = theme.emotions[name];
      context.fill();
    }
    if (wheel.named) drawName(context, wheel, k, name, strength, marked, theme);
  });
  drawRings(context, wheel, theme);
  context.beginPath();
  context.arc(centre.x, centre.y, hub, 0, 2 * Math.PI);
  context.fillStyle = theme.raised;
  context.fill();
  drawFace(context, { x: centre.x, y: centre.y, radius: hub * 0.84, emotion: mixture, theme });
}

function petal(context, { x, y }, k, inner, outer) {
  const middle = k * SECTOR - Math.PI / 2;
  const [from, to] = [middle - SECTOR / 2 + GAP, middle + SECTOR / 2 - GAP];
  context.beginPath();
  context.arc(x, y, outer, from, to);
  context.arc(x, y, inner, to, from, true);
  context.closePath();
}

function outline(context, colour) {
  context.lineWidth = 1.25;
  context.strokeStyle = colour;
  context.stroke();
}

/** Faint rings at a quarter, a half and three quarters. */
function drawRings(context, { centre, hub, rim }, theme) {
  context.lineWidth = 1;
  context.strokeStyle = theme.surface;
  context.globalAlpha = 0.55;
  for (const part of [0.25, 0.5, 0.75]) {
    context.beginPath();
    context.arc(centre.x, centre.y, hub + (rim - hub) * part, 0, 2 * Math.PI);
    context.stroke();
  }
  context.globalAlpha = 1;
}

function drawName(context, { centre, rim }, k, name, strength, marked, theme) {
  const angle = k * SECTOR;
  const [right, up] = [Math.sin(angle), Math.cos(angle)];
  const align = Math.abs(right) < 0.1 ? "center" : right > 0 ? "left" : "right";
  const x = centre.x + right * (rim + 7);
  const y = centre.y - up * (rim + 10);
  const felt = strength > 0;
  const style = { theme, align, colour: felt || marked ? theme.text : theme.muted, weight: felt ? 600 : 500 };
  label(context, word(name), x, felt && Math.abs(right) > 0.1 ? y - 6 : y, { ...style, size: 10.5 });
  if (!felt) return;
  const number = strength.toFixed(2);
  if (align === "center") {
    const wide = context.measureText(word(name)).width;
    label(context, number, x + wide / 2 + 5, y, { theme, align: "left", colour: theme.muted });
  } else label(context, number, x, y + 6, { theme, align, colour: theme.muted });
}

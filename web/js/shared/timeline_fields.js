/** The row below the control timeline: what is edited, its time and number, the transition, and what one does with keys. */

import { EASES } from "./curve.js";
import { LANES } from "./keys.js";
import { addStyle, keepEvents, numberField, once } from "./widget.js";
import { word } from "./words.js";

const STYLE = `
.vasa-field.vasa-button { flex: 0 0 28px; justify-content: center; cursor: pointer; padding: 0; }
.vasa-field.vasa-button:hover, .vasa-field.vasa-button:focus-visible { border-color: var(--vasa-focus, #4c9dff); outline: none; }
.vasa-button > svg { width: 15px; height: 15px; fill: none; stroke: currentColor; stroke-width: 1.5; }
.vasa-field.vasa-narrow { flex: 0.8 1 0; }
`;
const ICONS = {
  "add a key": "M8 3 V13 M3 8 H13",
  "copy the key": "M6 6 H13 V13 H6 Z M10 6 V3 H3 V10 H6",
  "delete the key": "M4 4 L12 12 M12 4 L4 12",
};
const DEGREES = new Set(LANES.gaze);
const LATEST = 36000; // seconds

/**
 * edits: {state, ranges, number(), ease(), select(lane, channel), setTime(seconds), setNumber(number), setEase(name),
 * add(), duplicate(), remove()}; the numbers are those at state.time, or of the chosen key.
 */
export function timelineFields(edits) {
  addStyle("vasa-timeline-style", STYLE);
  const time = numberField({
    label: "time",
    unit: "s",
    range: [0, LATEST],
    step: 0.04,
    digits: 2,
    read: () => edits.state.time,
    write: edits.setTime,
  });
  const icon = (name, press) => button(name, () => once(press));
  return [
    channelMenu(edits),
    ...Object.values(LANES).flat().map((channel) => channelField(channel, edits)),
    time,
    menu("transition", EASES.map((name) => [name, word(name)]), edits.ease, (name) => once(() => edits.setEase(name))),
    icon("add a key", edits.add),
    icon("copy the key", edits.duplicate),
    icon("delete the key", edits.remove),
  ];
}

/** The number of one channel, there while that channel is edited. */
function channelField(channel, { state, ranges, number, setNumber }) {
  const field = numberField({
    label: channel,
    unit: DEGREES.has(channel) ? "°" : "",
    range: ranges[channel],
    step: DEGREES.has(channel) ? 0.5 : 0.01,
    digits: DEGREES.has(channel) ? 1 : 2,
    read: number,
    write: setNumber,
  });
  field.element.querySelector("span").remove(); // the menu beside it says the same
  field.element.classList.add("vasa-narrow");
  const show = () => {
    field.element.style.display = state.channel[state.lane] === channel ? "" : "none";
    if (!field.element.style.display) field.show();
  };
  return { element: field.element, show };
}

function channelMenu({ state, select }) {
  const entries = Object.entries(LANES).flatMap(([lane, channels]) =>
    channels.map((channel) => [`${lane}/${channel}`, DEGREES.has(channel) ? `${word(channel)} °` : word(channel)]),
  );
  const read = () => `${state.lane}/${state.channel[state.lane]}`;
  return menu("channel", entries, read, (chosen) => select(...chosen.split("/")));
}

/** A menu; entries: [[value, text]]. */
function menu(name, entries, read, write) {
  const element = document.createElement("label");
  element.className = "vasa-field";
  const select = element.appendChild(document.createElement("select"));
  select.setAttribute("aria-label", word(name));
  select.title = word(name);
  select.append(...entries.map(([value, text]) => new Option(text, value)));
  select.addEventListener("change", () => write(select.value));
  keepEvents(element);
  return { element, show: () => (select.value = read()) };
}

function button(name, press) {
  const element = document.createElement("button");
  element.className = "vasa-field vasa-button";
  element.title = word(name);
  element.setAttribute("aria-label", word(name));
  const icon = `<svg viewBox="0 0 16 16"><path d="${ICONS[name]}" /></svg>`;
  element.append(document.createRange().createContextualFragment(icon));
  element.addEventListener("click", press);
  keepEvents(element);
  return { element, show() {} };
}

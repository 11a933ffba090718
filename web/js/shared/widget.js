/**
 * What this pack's widgets share: a versioned dict as value, a canvas over a row of number fields, undo, and the way
 * into ComfyUI that works in the classic canvas and in Nodes 2.0. Free of side effects until a widget is made.
 *
 * A widget of the type VASA_X is registered by its own file as
 *
 *   app.registerExtension({ name, getCustomWidgets: () => ({ VASA_X: valueWidget({ height, make }) }) })
 *
 * where make(model) returns {surface, fields, show(byUser)}: see gaze_pad.js, the shortest.
 */

import { app } from "../../../../scripts/app.js";
import { word } from "./words.js";

export const VERSION = 1;
export const FRAME = 20; // pixels of height that the classic canvas keeps free around an element

const STYLE = `
.vasa-widget { display: flex; flex-direction: column; gap: 6px; width: 100%; height: 100%; box-sizing: border-box;
  min-width: 0; user-select: none; -webkit-user-select: none; }
.vasa-widget[inert] { opacity: 0.4; }
.vasa-surface { flex: 1 1 0; min-height: 0; min-width: 0; width: 100%; display: block; border-radius: 8px;
  touch-action: none; outline: none; cursor: crosshair; }
.vasa-surface:focus-visible { box-shadow: 0 0 0 2px var(--vasa-focus, #4c9dff); }
.vasa-surface.vasa-dragging { cursor: grabbing; }
.vasa-fields { display: flex; gap: 6px; flex: 0 0 24px; min-width: 0; }
.vasa-field { display: flex; align-items: center; flex: 1 1 0; min-width: 0; height: 24px; box-sizing: border-box;
  padding: 0 6px; gap: 3px; border-radius: 6px; border: 1px solid transparent; cursor: text;
  background: var(--comfy-input-bg, #222); color: var(--input-text, #ddd); font: 12px system-ui, sans-serif; }
.lg-node .vasa-field { background: var(--component-node-widget-background, var(--comfy-input-bg, #222)); }
.vasa-field:focus-within { border-color: var(--vasa-focus, #4c9dff); }
.vasa-field > span { color: color-mix(in srgb, currentColor 75%, transparent); white-space: nowrap; overflow: hidden;
  text-overflow: ellipsis; min-width: 0; }
.vasa-field > input, .vasa-field > select { flex: 1 0 27px; min-width: 27px; width: 0; border: 0; padding: 0; margin: 0;
  outline: none; background: transparent; color: inherit; font: inherit; appearance: textfield;
  -moz-appearance: textfield; }
.vasa-field > input { text-align: right; font-variant-numeric: tabular-nums; }
.vasa-field > select { appearance: none; cursor: pointer; }
.vasa-field option { background: var(--comfy-menu-bg, #222); color: var(--input-text, #ddd); }
.vasa-field > input::-webkit-inner-spin-button { display: none; }
.vasa-notice { font: 12px system-ui, sans-serif; color: var(--error-text, #e5534b); }
`;

/** The constructor that ComfyUI calls for each input of a type; height, width: the least, in CSS pixels. */
export function valueWidget({ height, width = 260, make }) {
  return (node, name, data) => {
    const [type, options = {}] = data;
    return addWidget(node, name, { type, options, height, width, make });
  };
}

const kinds = new WeakMap(); // element of a value's widget -> what it takes to make another one like it

/**
 * Another widget like the one of this element, on the node of a subgraph that shows it as its own; null where the element
 * is none of ours. held: {value}, where ComfyUI keeps the subgraph's own value. Returns what valueWidget's returns.
 */
export function twinOf(element, host, name, held) {
  const kind = kinds.get(element);
  return kind ? addWidget(host, name, kind, held) : null;
}

function addWidget(node, name, kind, held = null) {
  const { type, options, width, height, make } = kind;
  const inner = kind.node ?? node; // whose sockets count, where this is a twin
  const model = new Model(options);
  const view = make(model, options, inner, node);
  const element = assemble(view, height);
  element.dataset.widget = name;
  kinds.set(element, { ...kind, node: inner });
  const hold = () => held && (held.value = model.value);
  const widget = node.addDOMWidget(name, type, element, {
    getValue: () => (held?.value ? structuredCloneOf(held.value) : model.value),
    setValue: (value) => {
      model.load(value);
      hold();
      settle(element, node, name);
    },
    getMinHeight: () => height + FRAME,
    hideOnZoom: false,
  });
  keepWidth(widget);
  widget.tooltip = options.tooltip;
  model.onChange((byUser) => {
    view.show(byUser);
    view.notice.textContent = model.understood ? "" : word("This value is not understood: set it again.");
    if (byUser) hold();
    if (byUser) widget.callback?.(model.value);
    node.graph?.setDirtyCanvas?.(true, false);
  });
  view.show(false);
  followLink(element, node, name);
  settle(element, node, name);
  if (held) requestAnimationFrame(() => (widget.value = held.value)); // ComfyUI fills it in after it has made the widget
  return { widget, minWidth: width, minHeight: height };
}

/** The value of one widget: plain numbers by name, with the version. A value that is not understood is kept as it is. */
export class Model {
  constructor(options) {
    this.fallback = { version: VERSION, ...options.default };
    this.ranges = options.ranges ?? {};
    this.natural = options.natural ?? {};
    this.stored = this.fallback;
    this.understood = true;
    this.listeners = [];
  }

  /** A copy: clones of a node must not share it. */
  get value() {
    return structuredCloneOf(this.stored);
  }

  onChange(listener) {
    this.listeners.push(listener);
  }

  /** Take a value from a saved workflow, a clone, an undo. */
  load(value) {
    const empty = value === null || value === undefined || value === "";
    this.stored = empty ? this.fallback : structuredCloneOf(value);
    this.understood = this.stored?.version === VERSION;
    this.listeners.forEach((listener) => listener(false));
  }

  /** Change numbers by name, each kept within its range. */
  set(numbers) {
    const next = this.understood ? { ...this.stored } : { ...this.fallback };
    for (const [name, number] of Object.entries(numbers)) {
      const [low, high] = this.ranges[name];
      next[name] = Math.min(high, Math.max(low, number));
    }
    this.replace(next);
  }

  /** Take a whole value of this version from the user. */
  replace(value) {
    this.stored = { ...value, version: VERSION };
    this.understood = true;
    this.listeners.forEach((listener) => listener(true));
  }
}

/** Tell ComfyUI that a change is complete: one step of undo. */
export function commit() {
  app.canvas?.emitBeforeChange?.();
  app.canvas?.emitAfterChange?.();
}

/** Change something and make it one step of undo. */
export function once(change) {
  change();
  commit();
}

/**
 * A number that can be typed; label: one of words.js. read(): the number now; write(number): called while typing, with what is in range.
 * Returns {element, show()}.
 */
export function numberField({ label, unit = "", range, step, digits, read, write }) {
  const element = document.createElement("label");
  element.className = "vasa-field";
  const caption = element.appendChild(document.createElement("span"));
  caption.textContent = unit ? `${word(label)} ${unit}` : word(label);
  const input = element.appendChild(document.createElement("input"));
  Object.assign(input, { type: "number", min: range[0], max: range[1], step, inputMode: "decimal" });
  input.setAttribute("aria-label", unit ? `${word(label)} (${unit})` : word(label));
  const show = () => {
    if (document.activeElement !== input) input.value = read().toFixed(digits);
  };
  const typed = () => (input.value.trim() === "" ? NaN : Number(input.value.replace(",", ".")));
  input.addEventListener("input", () => {
    if (typed() >= range[0] && typed() <= range[1]) write(typed());
  });
  input.addEventListener("change", () => {
    if (Number.isFinite(typed())) write(Math.min(range[1], Math.max(range[0], typed())));
    input.value = read().toFixed(digits);
    commit();
  });
  input.addEventListener("blur", () => (input.value = read().toFixed(digits)));
  input.addEventListener("focus", () => input.select());
  keepEvents(element);
  element.addEventListener("keydown", (event) => {
    if (event.key === "Enter") input.blur();
    if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
  });
  return { element, show };
}

/** Keep presses inside an element from dragging the node. */
export function keepEvents(element) {
  for (const name of ["pointerdown", "mousedown", "dblclick"]) {
    element.addEventListener(name, (event) => {
      if (event.button === 0) event.stopPropagation();
    });
  }
}

/** Put a style sheet into the page, once. */
export function addStyle(id, text) {
  if (document.getElementById(id)) return;
  const style = document.head.appendChild(document.createElement("style"));
  style.id = id;
  style.textContent = text;
}

/** The empty element of a widget, at least `height` CSS pixels tall. */
export function newElement(height) {
  addStyle("vasa-widget-style", STYLE);
  const element = document.createElement("div");
  element.className = "vasa-widget";
  element.style.minHeight = `${height}px`;
  forwardToCanvas(element);
  return element;
}

/** ComfyUI's panel of properties gives the widgets of a selected node its own width: then the node would show them narrower. */
export function keepWidth(widget) {
  Object.defineProperty(widget, "width", { get: () => undefined, set() {} });
}

function assemble(view, height) {
  const element = newElement(height);
  element.appendChild(view.surface.canvas);
  const row = element.appendChild(document.createElement("div"));
  row.className = "vasa-fields";
  row.append(...view.fields.map((field) => field.element));
  view.notice = element.appendChild(document.createElement("div"));
  view.notice.className = "vasa-notice";
  return element;
}

const linked = new WeakMap(); // node -> {input name: what to do when a wire comes or goes}

/** A widget whose socket is driven by a wire shows that it does not count. */
function followLink(element, node, name) {
  if (!linked.has(node)) {
    const watchers = {};
    const before = node.onConnectionsChange;
    linked.set(node, watchers);
    node.onConnectionsChange = function (...change) {
      const result = before?.apply(this, change);
      Object.values(watchers).forEach((watcher) => watcher());
      return result;
    };
  }
  linked.get(node)[name] = () => {
    element.inert = node.inputs?.find((input) => input.name === name)?.link != null;
  };
}

/** What can be done only when the node is on the graph and its links are known: within the next frames. */
function settle(element, node, name) {
  requestAnimationFrame(() => linked.get(node)[name]());
  takePlace(element, node, name);
}

/**
 * Nodes 2.0 keeps the element of a node that undo, or a choice made again, has replaced by a new one of the same id:
 * the user would drag a widget that no longer counts. Put the new element where the old one is shown.
 */
export function takePlace(element, node, name, frames = 30) {
  requestAnimationFrame(() => {
    if (element.isConnected) return;
    const shown = app.canvas?.graph?.getNodeById?.(node.id) === node && node.widgets?.some((w) => w.element === element);
    const places = shown ? document.querySelectorAll(`[data-node-id="${node.id}"] .vasa-widget`) : [];
    const old = [...places].find((place) => place.dataset.widget === name);
    if (old) old.replaceWith(element);
    else if (frames) takePlace(element, node, name, frames - 1);
  });
}

/** In the classic canvas the wheel and the middle button over a widget zoom and pan the graph, as beside it. */
function forwardToCanvas(element) {
  const classic = () => !element.closest(".lg-node");
  element.addEventListener("wheel", (event) => classic() && app.canvas?.processMouseWheel?.(event), { passive: false });
  const handlers = { pointerdown: "processMouseDown", pointermove: "processMouseMove", pointerup: "processMouseUp" };
  for (const [name, handler] of Object.entries(handlers)) {
    element.addEventListener(name, (event) => {
      const middle = name === "pointermove" ? event.buttons & 4 : event.button === 1;
      if (middle && classic()) app.canvas?.[handler]?.(event);
    });
  }
}

function structuredCloneOf(value) {
  return JSON.parse(JSON.stringify(value));
}

/** A canvas that one draws on and drags in: sharp, redrawn only on change, by mouse, touch, pen and keyboard. */

import { currentTheme, onThemeChange } from "./theme.js";

const SHARPER = 2; // pixels drawn for each on the screen at zoom 1, so that zooming in stays sharp
const MOST_PIXELS = 4;

/**
 * draw(context, {width, height, theme, focused}): called once per frame at most, in CSS pixels.
 * drag: {start(point), move(point), end(), cancel()}, each optional; point: {x, y, fine, touch} in CSS pixels.
 * hover(point or null): optional, may return a cursor.
 * keys(key, fine): returns whether it did something with the key. reset(point): a double click.
 */
export class Surface {
  constructor({ draw, drag = {}, hover, keys, reset }) {
    this.draw = draw;
    this.handlers = { drag, hover, keys, reset };
    this.canvas = document.createElement("canvas");
    this.canvas.className = "vasa-surface";
    this.canvas.tabIndex = 0;
    this.context = this.canvas.getContext("2d");
    this.theme = currentTheme();
    this.frame = 0;
    this.dragging = false;
    this.listen();
  }

  /** Draw again before the next frame of the screen. */
  redraw() {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.paint());
  }

  /** Tell screen readers what is shown: role, label and a value in words. */
  describe(attributes) {
    for (const [name, value] of Object.entries(attributes)) {
      if (this.canvas.getAttribute(name) !== String(value)) this.canvas.setAttribute(name, String(value));
    }
  }

  paint() {
    this.frame = 0;
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !height) return;
    const scale = Math.min(MOST_PIXELS, Math.max(1, window.devicePixelRatio || 1) * SHARPER);
    const pixels = { width: Math.round(width * scale), height: Math.round(height * scale) };
    if (this.canvas.width !== pixels.width || this.canvas.height !== pixels.height) Object.assign(this.canvas, pixels);
    this.context.setTransform(pixels.width / width, 0, 0, pixels.height / height, 0, 0);
    this.context.clearRect(0, 0, width, height);
    const focused = document.activeElement === this.canvas;
    this.draw(this.context, { width, height, theme: this.theme, focused });
  }

  /** Where an event is, in CSS pixels of the canvas: ComfyUI scales the whole widget when one zooms. */
  point(event) {
    const box = this.canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) * this.canvas.clientWidth) / (box.width || 1),
      y: ((event.clientY - box.top) * this.canvas.clientHeight) / (box.height || 1),
      fine: event.shiftKey,
      touch: event.pointerType === "touch",
    };
  }

  listen() {
    const { canvas, handlers } = this;
    new ResizeObserver(() => this.redraw()).observe(canvas);
    let forget = null; // the theme is watched while the widget is on the page, so that a removed one can go
    new IntersectionObserver(() => {
      if (canvas.isConnected && !forget) forget = onThemeChange(() => this.changeTheme());
      else if (!canvas.isConnected && forget) forget = void forget();
      this.changeTheme();
    }).observe(canvas);
    const on = (name, listener, options) => canvas.addEventListener(name, listener, options);
    on("focus", () => this.redraw());
    on("blur", () => this.redraw());
    on("pointerdown", (event) => this.pointerDown(event));
    on("pointermove", (event) => this.pointerMove(event));
    on("pointerup", (event) => this.pointerUp(event, "end"));
    on("pointercancel", (event) => this.pointerUp(event, "cancel"));
    on("lostpointercapture", (event) => this.pointerUp(event, "end"));
    on("pointerleave", () => handlers.hover?.(null));
    on("dblclick", (event) => {
      event.stopPropagation();
      event.preventDefault();
      handlers.reset?.(this.point(event));
    });
    on("keydown", (event) => this.keyDown(event));
  }

  changeTheme() {
    this.theme = currentTheme();
    this.redraw();
  }

  pointerDown(event) {
    if (event.button !== 0) return;
    event.stopPropagation();
    this.canvas.setPointerCapture(event.pointerId);
    this.dragging = event.pointerId;
    this.canvas.classList.add("vasa-dragging");
    this.handlers.drag.start?.(this.point(event));
  }

  pointerMove(event) {
    if (this.dragging === event.pointerId) {
      event.stopPropagation();
      this.handlers.drag.move?.(this.point(event));
    } else if (this.dragging === false && event.buttons === 0) {
      this.canvas.style.cursor = this.handlers.hover?.(this.point(event)) ?? "";
    }
  }

  pointerUp(event, how) {
    if (this.dragging !== event.pointerId) return;
    this.stopDragging(how);
  }

  stopDragging(how) {
    this.dragging = false;
    this.canvas.classList.remove("vasa-dragging");
    this.handlers.drag[how]?.();
    this.redraw();
  }

  keyDown(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return; // undo, copy and such stay ComfyUI's
    const escaped = event.key === "Escape" && this.dragging !== false;
    if (escaped) this.stopDragging("cancel");
    if (!escaped && !this.handlers.keys?.(event.key, event.shiftKey)) return;
    event.preventDefault();
    event.stopPropagation();
  }
}

/** A rounded rectangle as the current path. */
export function roundedBox(context, x, y, width, height, radius) {
  context.beginPath();
  context.roundRect(x, y, width, height, Math.min(radius, width / 2, height / 2));
}

/** Text of a size in pixels at a place; align: left, center, right. */
export function label(context, text, x, y, { theme, size = 10, colour, align = "center", weight = 500 }) {
  context.font = `${weight} ${size}px ${theme.font}`;
  context.textAlign = align;
  context.textBaseline = "middle";
  context.fillStyle = colour ?? theme.muted;
  context.fillText(text, x, y);
}

/** `value` within [low, high], at a multiple of `step`. */
export function snapped(value, [low, high], step) {
  const rounded = Math.round(value / step) * step;
  return Number(Math.min(high, Math.max(low, rounded)).toFixed(4));
}

/** The motion viewer: curves of the last run's motion, a picture of the moment under the cursor, and its sound. */

import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";
import { Curves, colourOf, drawFaceAt, frameAt, valueAt } from "./shared/motion_curves.js";
import { Surface, label, roundedBox } from "./shared/surface.js";
import { FRAME, addStyle, keepEvents, keepWidth, newElement, once, takePlace } from "./shared/widget.js";
import { word } from "./shared/words.js";

const NODE = "VASA_MotionViewer";
const NAME = "viewer";
const [WIDTH, HEIGHT] = [420, 340];
const FAR = 10; // frames of an arrow key with Shift
const FIRST_SHOWN = ["yaw", "pitch", "roll", "jaw", "blink", "1", "2", "3"];

const STYLE = `
.vasa-widget.vasa-viewer { display: grid; grid-template: "stage side" 150px "curves curves" minmax(0, 1fr)
  "bar bar" 24px / 150px minmax(0, 1fr); }
.vasa-viewer > .vasa-surface { height: 100%; }
.vasa-viewer > .vasa-surface:first-child { grid-area: curves; }
.vasa-stage > .vasa-surface { height: 100%; cursor: pointer; }
.vasa-stage { grid-area: stage; min-width: 0; min-height: 0; }
.vasa-legend { grid-area: side; display: grid; grid-template-columns: 1fr 1fr; gap: 1px 4px; align-content: start;
  overflow: hidden; min-width: 0; contain: strict; }
.vasa-legend > button { display: flex; align-items: center; gap: 5px; min-width: 0; height: 20px; padding: 0 5px;
  border: 0; border-radius: 5px; background: transparent; color: var(--input-text, #ddd); cursor: pointer;
  font: 11px system-ui, sans-serif; font-variant-numeric: tabular-nums; }
.vasa-legend > button:hover { background: #8882; }
.vasa-legend > button[aria-pressed="false"] { color: color-mix(in srgb, var(--input-text, #ddd) 75%, transparent); }
.vasa-legend > button > i { flex: 0 0 9px; height: 9px; box-sizing: border-box; border-radius: 3px; border: 2px solid; }
.vasa-legend > button[aria-pressed="true"] > i { background: currentColor; }
.vasa-legend > button > span { flex: 1 1 0; min-width: 0; overflow: hidden; text-overflow: ellipsis;
  white-space: nowrap; text-align: left; }
.vasa-legend b { font-weight: 400; }
.vasa-bar { grid-area: bar; display: flex; align-items: center; contain: strict; gap: 10px; color: var(--input-text, #ddd);
  font: 12px system-ui, sans-serif; font-variant-numeric: tabular-nums; }
.vasa-bar > button { width: 40px; height: 24px; border: 0; border-radius: 6px; color: inherit; cursor: pointer;
  background: var(--comfy-input-bg, #222); font: 11px system-ui, sans-serif; }
.lg-node .vasa-bar > button { background: var(--component-node-widget-background, var(--comfy-input-bg, #222)); }
.vasa-legend > button:focus-visible, .vasa-bar > button:focus-visible { outline: 2px solid #4c9dff; outline-offset: -2px; }
.vasa-bar > button:disabled { opacity: 0.4; cursor: default; }
`;

const viewers = new WeakMap(); // node -> its viewer

app.registerExtension({
  name: "vasa.motionViewer",
  nodeCreated(node) {
    if (node.comfyClass === NODE) viewers.set(node, new Viewer(node));
  },
  onNodeOutputsUpdated() {
    const { rootGraph } = app;
    const graphs = rootGraph ? [rootGraph, ...(rootGraph.subgraphs?.values() ?? [])] : [];
    for (const node of graphs.flatMap((graph) => graph.nodes)) viewers.get(node)?.recall();
  },
});

class Viewer {
  constructor(node) {
    Object.assign(this, { node, motion: null, frame: 0, playing: false, entries: [] });
    Object.assign(this, { picture: null, live: null, running: false, sound: null });
    this.curves = new Curves();
    const keys = (key, far) => this.key(key, far);
    const drag = {
      start: (point) => {
        this.before = this.frame;
        this.pause();
        this.seekTo(point);
      },
      move: (point) => this.seekTo(point),
      cancel: () => this.seek(this.before),
    };
    this.surface = new Surface({ draw: (context, view) => this.drawCurves(context, view), drag, keys });
    this.stage = new Surface({ draw: (context, view) => this.drawStage(context, view), drag: { start: () => this.toggle() }, keys });
    this.stage.canvas.tabIndex = -1;
    this.stage.describe({ role: "img", "aria-label": word("motion") });
    this.assemble();
    this.attach();
    this.show();
  }

  assemble() {
    addStyle("vasa-viewer-style", STYLE);
    const make = (parent, tag, name) => Object.assign(parent.appendChild(document.createElement(tag)), { className: name });
    this.element = newElement(HEIGHT);
    this.element.classList.add("vasa-viewer");
    this.element.dataset.widget = NAME;
    this.element.appendChild(this.surface.canvas);
    make(this.element, "div", "vasa-stage").appendChild(this.stage.canvas);
    this.legend = make(this.element, "div", "vasa-legend");
    const bar = make(this.element, "div", "vasa-bar");
    this.button = make(bar, "button", "");
    this.button.addEventListener("click", () => this.toggle());
    this.clock = make(bar, "span", "").appendChild(new Text());
    for (const part of [this.legend, bar]) {
      keepEvents(part);
      part.addEventListener("keydown", (event) => event.stopPropagation());
    }
  }

  /** A widget without a value, behind all that have one; and what the node hears of runs and of loading. */
  attach() {
    const { node } = this;
    const options = { serialize: false, hideOnZoom: false, getMinHeight: () => HEIGHT + FRAME };
    const widget = node.addDOMWidget(NAME, NODE, this.element, options);
    widget.serialize = false;
    keepWidth(widget);
    node.setSize([Math.max(WIDTH, node.size[0]), node.computeSize()[1]]);
    const after = (hook, then) => {
      const before = node[hook];
      node[hook] = function (...told) {
        const result = before?.apply(this, told);
        then(...told);
        return result;
      };
    };
    after("onExecutionStart", () => (this.running = true));
    after("onExecuted", (output) => this.take(output?.vasa_motion?.[0]));
    after("onConfigure", () => this.fillLegend());
    after("onRemoved", () => this.pause());
    const { onDrawBackground } = node;
    node.onDrawBackground = (...told) => {
      this.takeLive();
      return onDrawBackground?.apply(node, told);
    };
    requestAnimationFrame(() => this.recall()); // then the node has its id
    takePlace(this.element, node, NAME);
  }

  /** Show what a run said before this node was made again, by undo or by another tab of ComfyUI. */
  recall() {
    const { graph, id } = this.node;
    const key = graph && !graph.isRootGraph ? `${graph.id}:${id}` : id;
    this.take(app.nodeOutputs?.[key]?.vasa_motion?.[0]);
  }

  /** The classic canvas would show the live pictures of a run below the widget, and leave the last one there. */
  takeLive() {
    const live = this.node.imgs?.[0];
    if (!live) return;
    this.node.imgs = undefined;
    if (this.running) this.live = live;
    this.stage.redraw();
  }

  take(told) {
    Object.assign(this, { live: null, running: false });
    this.stage.redraw();
    if (!told || told.version !== 1 || told === this.motion) return;
    this.pause();
    this.motion = told;
    this.frame = Math.min(this.frame, told.frames - 1);
    this.picture = this.sound = null;
    if (told.pictures) {
      this.picture = Object.assign(new Image(), { src: addressOf(told.pictures.file) });
      this.picture.addEventListener("load", () => this.stage.redraw());
    }
    if (told.sound) this.sound = Object.assign(new Audio(addressOf(told.sound)), { preload: "auto" });
    this.fillLegend();
  }

  /** The names of the curves that are on: in the node's properties, so that the workflow keeps them. */
  get chosen() {
    const { curves } = this.node.properties;
    return typeof curves === "string" ? curves.split(", ").filter(Boolean) : FIRST_SHOWN;
  }

  get shown() {
    const { chosen } = this;
    return this.motion.curves.filter((curve) => chosen.includes(curve.name));
  }

  choose(name) {
    const chosen = this.chosen.includes(name) ? this.chosen.filter((one) => one !== name) : [...this.chosen, name];
    once(() => (this.node.properties.curves = chosen.join(", ")));
    this.show();
  }

  fillLegend() {
    this.entries = (this.motion?.curves ?? []).map((curve) => {
      const button = document.createElement("button");
      const swatch = button.appendChild(document.createElement("i"));
      button.appendChild(document.createElement("span")).textContent = curve.name.split(" ").map(word).join(" ");
      const value = button.appendChild(document.createElement("b")).appendChild(new Text());
      button.addEventListener("click", () => this.choose(curve.name));
      return { curve, button, swatch, value };
    });
    this.legend.replaceChildren(...this.entries.map((entry) => entry.button));
    this.colour(this.surface.theme);
    this.show();
  }

  colour(theme) {
    this.dark = theme.dark;
    for (const { curve, swatch } of this.entries) swatch.style.color = colourOf(curve, theme);
  }

  show() {
    const { motion, frame } = this;
    const { chosen } = this;
    for (const { curve, button, value } of this.entries) {
      setChanged(button, "ariaPressed", String(chosen.includes(curve.name)));
      setChanged(value, "data", valueAt(curve, frame).toFixed(curve.unit === "°" ? 1 : 2) + curve.unit);
    }
    const time = motion ? `${(frame / motion.fps).toFixed(2)} / ${(motion.frames / motion.fps).toFixed(2)} s` : "";
    setChanged(this.clock, "data", motion ? `${time}  ·  ${frame + 1} / ${motion.frames}` : "");
    setChanged(this.button, "textContent", this.playing ? "❚❚" : "▶");
    setChanged(this.button, "ariaLabel", word(this.playing ? "pause" : "play"));
    setChanged(this.button, "disabled", !motion);
    this.surface.describe({
      role: "slider",
      "aria-roledescription": "motion viewer",
      "aria-label": word("motion"),
      "aria-valuemin": 0,
      "aria-valuemax": motion ? motion.frames - 1 : 0,
      "aria-valuenow": frame,
      "aria-valuetext": motion ? time : word("Run the workflow to see the motion."),
    });
    this.surface.redraw();
    this.stage.redraw();
  }

  seek(frame) {
    if (!this.motion) return;
    this.live = null;
    this.frame = Math.min(this.motion.frames - 1, Math.max(0, frame));
    this.show();
  }

  seekTo({ x }) {
    if (this.motion) this.seek(frameAt(x, this.surface.canvas.clientWidth, this.motion));
  }

  key(key, far) {
    const step = far ? FAR : 1;
    const moves = { ArrowLeft: this.frame - step, ArrowRight: this.frame + step, Home: 0, End: Infinity };
    if (key === " ") this.toggle();
    else if (key in moves) {
      this.pause();
      this.seek(moves[key]);
    } else return false;
    return true;
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  /** From the cursor, or from the start again, at true speed: the sound's clock where there is sound, else our own. */
  play() {
    const { motion, sound } = this;
    if (!motion) return;
    if (this.frame >= motion.frames - 1) this.frame = 0;
    this.playing = true;
    let time = this.frame / motion.fps;
    let heard = Boolean(sound) && !(sound.duration <= time);
    if (heard) {
      sound.currentTime = time;
      sound.play().catch(() => (heard = false)); // such as a temp folder that was emptied: its clock stands still
    }
    let before = performance.now();
    const step = (now) => {
      if (!this.playing || this.motion !== motion) return;
      if (!this.element.isConnected) return void this.pause();
      heard &&= !sound.ended;
      time = heard ? sound.currentTime : time + (now - before) / 1000;
      before = now;
      const frame = Math.floor(time * motion.fps + 1e-6);
      if (frame >= motion.frames) this.pause();
      this.seek(frame);
      if (this.playing) requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
    this.show();
  }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    this.sound?.pause();
    this.show();
  }

  drawCurves(context, view) {
    const { width, height, theme } = view;
    if (this.dark !== theme.dark) this.colour(theme);
    if (this.motion) return this.curves.draw(context, view, this.motion, this.shown, this.frame);
    roundedBox(context, 0, 0, width, height, 8);
    context.fillStyle = theme.surface;
    context.fill();
    label(context, word("Run the workflow to see the motion."), width / 2, height / 2, { theme, size: 13 });
  }

  /** A run's live picture; else the decoded one that is nearest in time; without a portrait, or before it has come, the drawn face. */
  drawStage(context, view) {
    const { width, height, theme } = view;
    roundedBox(context, 0, 0, width, height, 8);
    context.fillStyle = theme.surface;
    context.fill();
    context.save();
    context.clip();
    const { live, picture } = this;
    if (live) context.drawImage(live, 0, 0, width, height);
    else if (picture?.complete && picture.naturalWidth) {
      const { count, every, columns, size } = this.motion.pictures;
      const index = Math.min(count - 1, Math.round(this.frame / every));
      const [column, row] = [index % columns, Math.floor(index / columns)];
      context.drawImage(picture, column * size, row * size, size, size, 0, 0, width, height);
    } else {
      context.globalAlpha = this.motion ? 1 : 0.4;
      drawFaceAt(context, view, this.motion, this.frame);
    }
    context.restore();
  }
}

/** Set a property where it differs: every write makes the browser look through ComfyUI's many style rules. */
function setChanged(thing, name, value) {
  if (thing[name] !== value) thing[name] = value;
}

/** Where the server hands out a file of its temp folder. */
function addressOf({ filename, subfolder, type }) {
  return api.apiURL(`/view?${new URLSearchParams({ filename, subfolder, type })}`);
}

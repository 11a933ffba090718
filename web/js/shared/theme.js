/** Colours of ComfyUI's current theme, for canvases. Free of side effects until a widget is made. */

/** One colour per emotion and eight for curves: at least 3 to 1 against either surface, by WCAG 2.1; a test measures it. */
const COLOURS_ON_DARK = {
  emotions: {
    anger: "#e5534b",
    contempt: "#a670d8",
    disgust: "#6ea83c",
    fear: "#6673e0",
    happiness: "#eeb01e",
    neutral: "#8a96a3",
    sadness: "#3f93d6",
    surprise: "#ee8440",
  },
  curves: ["#3f93d6", "#e8843c", "#4fa35b", "#d9567a", "#9a72d6", "#b8942a", "#2fa3a3", "#8a96a3"],
};

const COLOURS_ON_LIGHT = {
  emotions: {
    ...COLOURS_ON_DARK.emotions,
    disgust: "#5c9430",
    happiness: "#b27f00",
    neutral: "#77838f",
    surprise: "#d0651c",
  },
  curves: ["#3585c6", "#d0651c", "#43924f", "#d9567a", "#9a72d6", "#a07d12", "#1f9090", "#77838f"],
};

const DARK = {
  ...COLOURS_ON_DARK,
  text: "#e8eaed",
  muted: "#9aa3ad",
  line: "#3d444d",
  grid: "#ffffff14",
  surface: "#1d2125",
  raised: "#262b31",
  accent: "#4c9dff",
  warning: "#f0a43c",
  skin: "#525c67",
  shade: "#414a54",
  hair: "#2b3138",
  feature: "#e3e7ec",
  eye: "#f4f6f8",
  iris: "#2d7fe0",
  pupil: "#101418",
  mouth: "#2a1f24",
  teeth: "#eef1f4",
};

const LIGHT = {
  ...COLOURS_ON_LIGHT,
  text: "#1f252b",
  muted: "#5d6772",
  line: "#c9ced5",
  grid: "#0000000f",
  surface: "#f4f5f7",
  raised: "#ffffff",
  accent: "#1768d4",
  warning: "#b15f00",
  skin: "#e4e8ed",
  shade: "#cfd6de",
  hair: "#8d98a5",
  feature: "#39424c",
  eye: "#ffffff",
  iris: "#1768d4",
  pupil: "#14181c",
  mouth: "#6d3a44",
  teeth: "#ffffff",
};

const listeners = new Set();
let observer = null;

/** {text, muted, line, ..., dark}: the palette that fits where ComfyUI's own widgets are drawn. */
export function currentTheme() {
  const dark = luminance(variable("--comfy-input-bg") || variable("--comfy-menu-bg") || "#222") < 0.5;
  return { ...(dark ? DARK : LIGHT), dark, font: "system-ui, -apple-system, 'Segoe UI', sans-serif" };
}

/** Call `changed` whenever the user picks another theme; returns a function that ends it. */
export function onThemeChange(changed) {
  if (!observer) {
    observer = new MutationObserver(() => listeners.forEach((listener) => listener()));
    for (const element of [document.documentElement, document.body]) {
      observer.observe(element, { attributes: true, attributeFilter: ["class", "style"] });
    }
  }
  listeners.add(changed);
  return () => listeners.delete(changed);
}

function variable(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** 0 (black) to 1 (white) of any CSS colour. */
function luminance(colour) {
  const context = document.createElement("canvas").getContext("2d");
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
  return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
}

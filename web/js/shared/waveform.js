/** The loudness of the sound at a node's input over time: from the file of a Load Audio node at once, else after a run. */

import { api } from "../../../../scripts/api.js";

const RATE = 50; // peaks a second
const LISTENING = 8000; // Hz, enough for loudness and quick to decode
const KEPT = 16; // sounds; undo makes nodes anew, and decoding takes long

const known = new Map(); // where a sound comes from: {peaks, seconds}

/**
 * Watches the input `name` of a node. host: the node itself, or that of the subgraph which shows the node's widget.
 * peaks: 0..1, evenly over `seconds`, which is 0 while there is no sound.
 */
export class Waveform {
  constructor(node, name, host, changed) {
    Object.assign(this, { node, name, host, changed, peaks: [], seconds: 0, loudest: 1, from: null });
    const { onExecuted } = node;
    const { onRemoved } = host;
    const look = () => this.look();
    node.onExecuted = (output) => {
      onExecuted?.call(node, output);
      if (output?.peaks?.length) this.learn({ peaks: output.peaks.map((level) => level / 255), seconds: output.seconds[0] });
    };
    for (const wired of new Set([node, host])) {
      const { onConnectionsChange } = wired;
      wired.onConnectionsChange = function (...change) {
        const result = onConnectionsChange?.apply(this, change);
        requestAnimationFrame(look);
        return result;
      };
    }
    host.onRemoved = function (...removed) {
      api.removeEventListener("graphChanged", look);
      return onRemoved?.apply(this, removed);
    };
    api.addEventListener("graphChanged", look); // another file may have been picked
    requestAnimationFrame(look);
  }

  take({ peaks, seconds }) {
    const loudest = peaks.reduce((most, level) => Math.max(most, level), 1e-3);
    Object.assign(this, { peaks, seconds, loudest });
    this.changed();
  }

  learn(sound) {
    if (this.from) known.delete(this.from);
    if (this.from) known.set(this.from, sound);
    if (known.size > KEPT) known.delete(known.keys().next().value);
    this.take(sound);
  }

  /** Show the sound that is connected now: as known, from its file, or none until a run tells. */
  async look() {
    const { from, file } = this.source();
    if (from === this.from) return;
    this.from = from;
    this.take(known.get(from) ?? { peaks: [], seconds: 0 });
    if (!file || known.has(from)) return;
    const sound = await soundOf(file).catch(() => null); // not every format plays in a browser: then a run tells
    if (sound && from === this.from) this.learn(sound);
  }

  /** The link that brings the sound and the node where it ends: the host's, where the subgraph hands it on to the node. */
  wire() {
    const { node, host } = this;
    const link = linkInto(node, this.name);
    const handed = link && host.subgraph === node.graph && host.subgraph?.inputs?.[link.origin_slot];
    if (!handed || node.graph.getNodeById(link.origin_id)) return { node, link };
    return { node: host, link: linkInto(host, handed.name) };
  }

  /** {from: a name for what is connected, null for nothing; file: query of its file, where it is a Load Audio}. */
  source() {
    const { node, link } = this.wire();
    if (!link) return { from: null };
    const origin = node.graph.getNodeById(link.origin_id);
    const value = origin?.type === "LoadAudio" && origin.widgets?.find((widget) => widget.name === "audio")?.value;
    if (!value) return { from: [node.graph.id, node.id, link.origin_id, link.origin_slot].join("/") };
    const [, path, type = "input"] = /^(.*?)(?: \[(\w+)\])?$/.exec(value);
    const cut = path.lastIndexOf("/");
    const parts = { filename: path.slice(cut + 1), subfolder: path.slice(0, Math.max(0, cut)), type };
    const file = new URLSearchParams(parts).toString();
    return { from: file, file };
  }
}

function linkInto(node, name) {
  const id = node.inputs?.find((input) => input.name === name)?.link;
  return id == null ? null : (node.graph?.getLink?.(id) ?? node.graph?.links?.[id]);
}

async function soundOf(file) {
  const answer = await api.fetchApi(`/view?${file}`);
  if (!answer.ok) throw new Error(`${answer.status}`);
  const sound = await new OfflineAudioContext(1, 1, LISTENING).decodeAudioData(await answer.arrayBuffer());
  const channels = Array.from({ length: sound.numberOfChannels }, (_, k) => sound.getChannelData(k));
  return { peaks: peaksOf(channels, sound.length), seconds: sound.duration };
}

/** The loudest sample of each 1 / RATE seconds, over all channels. */
function peaksOf(channels, length) {
  const size = LISTENING / RATE;
  const peaks = new Array(Math.ceil(length / size)).fill(0);
  for (const samples of channels) {
    for (let place = 0, k = 0; place < peaks.length; place++) {
      for (const end = Math.min(length, k + size); k < end; k++) {
        const level = Math.abs(samples[k]);
        if (level > peaks[place]) peaks[place] = level;
      }
    }
  }
  return peaks;
}

/** Add what sounds between two times (seconds) to a path: within a box, mirrored about its middle line. */
export function addPeaks(path, { peaks, seconds, loudest }, from, to, { x, y, width, height }) {
  const rate = peaks.length / (seconds || 1);
  const step = ((to - from) * rate) / width; // peaks for each pixel
  for (let column = 0; column < width; column++) {
    const first = Math.floor(from * rate + column * step);
    if (first >= peaks.length) break;
    const end = Math.min(peaks.length, Math.max(first + 1, Math.floor(from * rate + (column + 1) * step)));
    let level = 0;
    for (let k = Math.max(0, first); k < end; k++) if (peaks[k] > level) level = peaks[k];
    const half = Math.max(0.5, ((level / loudest) * height) / 2);
    path.rect(x + column, y + height / 2 - half, 1, 2 * half);
  }
}

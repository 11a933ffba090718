/** A widget of this pack that the user promotes onto the node of its subgraph is shown and edited there as well. */

import { app } from "../../../scripts/app.js";
import { twinOf } from "./shared/widget.js";

const watched = new WeakSet(); // subgraphs

app.registerExtension({
  name: "vasa.promotedWidgets",
  nodeCreated(node) {
    if (!node.isSubgraphNode?.()) return;
    savePlainValues(node);
    const { subgraph } = node;
    if (watched.has(subgraph)) return;
    watched.add(subgraph);
    subgraph.events?.addEventListener("widget-promoted", ({ detail }) => edit(detail.subgraphNode));
  },
});

/**
 * ComfyUI stands a value without a face in for a promoted widget, unless it is text: put a widget like the inner one in
 * its place, which edits that value. Each node of a subgraph has a value of its own, whatever the inner widget says.
 */
function edit(host) {
  if (host.graph?.getNodeById(host.id) !== host) return; // not yet on the graph: ComfyUI promotes again when it is
  for (const input of host.inputs) {
    const held = input._widget;
    if (!held || held.element) continue;
    const slot = input._subgraphSlot;
    const source = slot?.getConnectedWidgets?.()[0] ?? slot?._widget; // the latter while it is being connected
    const twin = source?.element && twinOf(source.element, host, input.name, held);
    if (!twin) continue;
    input._widget = twin.widget;
    const [width, height] = host.computeSize();
    host.setSize([Math.max(twin.minWidth, width, host.size[0]), Math.max(height, host.size[1])]);
  }
}

/** ComfyUI saves a promoted value that is a dict as a proxy, which no one can clone: such a node could not be moved into a subgraph. */
function savePlainValues(node) {
  const { serialize } = node;
  node.serialize = function (...how) {
    const saved = serialize.apply(this, how);
    if (saved.widgets_values) saved.widgets_values = JSON.parse(JSON.stringify(saved.widgets_values));
    return saved;
  };
}

/** What ComfyUI's own page does with our nodes: opens their help, restores them after a reload, saves and opens their workflow. */

import assert from "node:assert/strict";

import { NODES2 } from "./browser.mjs";
import { THREE } from "./timeline_kit.mjs";

const VALUES = {
  VASA_Gaze: ["gaze.value", { version: 1, yaw: -11.5, pitch: 6 }],
  VASA_HeadDistance: ["distance.value", { version: 1, distance: 1.35 }],
  VASA_Emotion: ["emotion.value", { version: 1, fear: 0.4, surprise: 0.7 }],
  VASA_ControlTimeline: ["timeline", THREE],
};

export default async function (comfy, check) {
  const { page } = comfy;

  await check("the info button of a selected node opens its help page, with its picture", async () => {
    const node = await comfy.add("VASA_Gaze", { place: [420, 200], size: [340, 360] });
    const { width } = await comfy.box(node, "gaze.value");
    await page.mouse.click(600, NODES2 ? 216 : 185); // its title
    await page.getByTestId("info-button").click();
    const help = page.locator(".node-help-content");
    await help.getByRole("heading", { name: "Inputs" }).waitFor();
    const picture = help.locator('img[src*="pictures/gaze"]');
    await page.waitForFunction((image) => image.complete && image.naturalWidth > 300, await picture.elementHandle());
    comfy.complaints = comfy.complaints.filter((one) => !one.includes("VASA_Gaze/en.md")); // for which it looks first
    assert.equal((await comfy.box(node, "gaze.value")).width, width, "the panel beside it changes its width");
    await page.evaluate(() => window.app.extensionManager.setting.set("Comfy.RightSidePanel.IsOpen", false));
    await comfy.remove(node);
  });

  /** A graph with a value in every widget that keeps one, a promoted one too. */
  const fill = async () => {
    await comfy.clear();
    for (const [k, [type, [widget, value]]] of Object.entries(VALUES).entries()) {
      await comfy.add(type, { place: [80 + 300 * (k % 3), 100 + 360 * Math.floor(k / 3)], values: { [widget]: value } });
    }
    const inner = await comfy.add("VASA_Gaze", { place: [700, 460] });
    const host = await comfy.intoSubgraph(inner);
    await page.evaluate((id) => {
      const node = window.app.canvas.graph.getNodeById(id);
      const [gaze] = node.subgraph.nodes;
      const socket = gaze.inputs.find((input) => input.name === "gaze.value");
      node.subgraph.addInput("eyes", socket.type).connect(socket, gaze);
    }, host);
    await comfy.set(host, "eyes", VALUES.VASA_Gaze[1]);
    await comfy.remember();
  };
  const kept = () =>
    page.evaluate(async () => {
      const { output } = await window.app.graphToPrompt();
      return Object.values(output).map(({ class_type, inputs }) => [class_type, inputs]);
    });
  const isKept = async () => {
    const nodes = await kept();
    assert.equal(nodes.length, 5);
    for (const [type, inputs] of nodes) assert.deepEqual(inputs[VALUES[type][0]], VALUES[type][1], type);
  };
  const restored = () =>
    page.waitForFunction(() => window.app?.extensionManager && window.app.canvas && window.app.rootGraph?.nodes.length === 5);

  await check("a reload of the page brings the unsaved workflow back with every value", async () => {
    await page.evaluate(() => window.app.extensionManager.setting.set("Comfy.Workflow.Persist", true));
    await fill();
    await page.waitForFunction(() => [localStorage, sessionStorage].some((store) => Object.values(store).some((text) => text.includes("-11.5"))));
    await page.reload();
    await restored();
    await comfy.frames(10);
    await isKept();
    for (const [type, [widget, value]] of Object.entries(VALUES)) {
      const id = await page.evaluate((type) => window.app.rootGraph.nodes.find((node) => node.type === type).id, type);
      assert.deepEqual(await comfy.value(id, widget), value);
      await comfy.element(id, widget);
    }
  });

  await check("saved under a name, it opens again with every value", async () => {
    const name = `kept_${Date.now()}`;
    page.evaluate(() => window.app.extensionManager.command.execute("Comfy.SaveWorkflow")).catch(() => {});
    const field = page.getByRole("dialog").getByRole("textbox");
    await field.fill(name);
    await field.press("Enter");
    await page.waitForFunction((name) => window.app.extensionManager.workflow.activeWorkflow?.path?.includes(name), name);
    await comfy.clear();
    await page.evaluate(() => window.app.extensionManager.setting.set("Comfy.Workflow.Persist", false));
    await page.reload(); // nothing of it is left in the page
    await page.waitForFunction(() => window.app?.extensionManager?.workflow && window.app.canvas);
    await page.keyboard.press("w");
    await page.getByText(name).first().click();
    await restored();
    await comfy.frames(10);
    await isKept();
  });
}

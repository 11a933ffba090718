/** Every template and every blueprint as an artist opens them, and the workflow that comes back out of a saved video. */

import assert from "node:assert/strict";

const { COMFYUI } = process.env;
const SHORT = "clip.wav"; // of the test's input files
const NOTES = new Set(["MarkdownNote", "Note"]);

const get = async (path) => (await fetch(COMFYUI + path)).json();

/** What the page shows of the graph that is open: each node's type, whether ComfyUI knows it, and what is wrong. */
function shown(comfy) {
  return comfy.page.evaluate(() =>
    window.app.rootGraph.nodes.map((node) => ({
      type: node.type,
      known: node.type in window.LiteGraph.registered_node_types || Boolean(node.subgraph),
      red: Boolean(node.has_errors),
      inside: node.subgraph?.nodes.map((inner) => inner.type),
    })),
  );
}

/** Words of the dialog or message that is open, if one is: what a missing node or a broken workflow would open. */
function message(comfy) {
  return comfy.page.evaluate(() =>
    [...document.querySelectorAll('[role="dialog"], .p-toast-message-error, .p-toast-message-warn')]
      .filter((element) => element.checkVisibility())
      .map((element) => element.textContent.trim().slice(0, 300)),
  );
}

export default async function (comfy, check) {
  const templates = await get("/api/workflow_templates");
  const packs = Object.keys(templates).filter((name) => /vasa/i.test(name) && templates[name].length > 0);
  const known = await get("/object_info");

  await check("the template browser lists the pack once", () => assert.equal(packs.length, 1));
  const [pack] = packs;
  for (const name of templates[pack]) {
    await check(`the template ${name} opens whole`, async () => {
      const address = `/api/workflow_templates/${pack}/${name}`;
      const workflow = await get(`${address}.json`);
      assert.ok((await fetch(`${COMFYUI}${address}.jpg`)).ok, "its thumbnail is not served");
      await comfy.load(workflow);
      const nodes = await shown(comfy);
      assert.equal(nodes.length, workflow.nodes.length);
      assert.deepEqual(nodes.filter((node) => !node.known || node.red), []);
      assert.ok(nodes.some((node) => NOTES.has(node.type)), "no note");
      assert.deepEqual(await message(comfy), []);
      const { output } = await comfy.page.evaluate(() => window.app.graphToPrompt());
      for (const { class_type, inputs } of Object.values(output)) {
        const missing = Object.keys(known[class_type].input.required ?? {}).filter((input) => !(input in inputs));
        assert.deepEqual(missing, [], `${class_type} lost inputs`);
      }
    });
  }

  await comfy.clear();
  const blueprints = Object.values(await get("/api/global_subgraphs"));
  const ours = blueprints.filter((entry) => /vasa/i.test(entry.info.node_pack)).map((entry) => entry.name);
  await check("the blueprints are offered", () => assert.ok(ours.length >= 2));
  for (const name of ours) {
    await check(`the blueprint ${name} is found by its name and put on the graph`, async () => {
      await comfy.visit(); // a second double click on one page opens no search
      await search(comfy, name);
      const [host, ...others] = await shown(comfy);
      assert.equal(others.length, 0);
      assert.ok(host.known && !host.red);
      assert.ok(host.inside.length >= 3);
      assert.deepEqual(host.inside.filter((type) => !(type in known) && !NOTES.has(type)), []);
      assert.deepEqual(await message(comfy), []);
    });
  }

  await check("a saved video that is dropped on the page brings its workflow back", async () => {
    await comfy.load(await get(`/api/workflow_templates/${pack}/talking_portrait.json`));
    await comfy.page.evaluate((sound) => {
      const { nodes } = window.app.rootGraph;
      nodes.find((node) => node.type === "LoadAudio").widgets[0].value = sound;
      nodes.find((node) => node.type === "SaveVideo").widgets[0].value = "test/dropped";
    }, SHORT);
    const before = await comfy.page.evaluate(async () => (await window.app.graphToPrompt()).output);
    const file = await saved(comfy);
    await comfy.clear();
    await comfy.page.evaluate(async ({ filename, subfolder, type }) => {
      const address = `/view?${new URLSearchParams({ filename, subfolder, type })}`;
      const content = await (await window.app.api.fetchApi(address)).blob();
      await window.app.handleFile(new File([content], filename, { type: "video/mp4" }));
    }, file);
    await comfy.frames(6);
    const after = await comfy.page.evaluate(async () => (await window.app.graphToPrompt()).output);
    assert.deepEqual(after, before);
  });
}

/** Put a node on the graph as people do: double-click, type its name, Enter, and a click where it shall lie. */
async function search(comfy, name) {
  const { page } = comfy;
  const opened = () => page.evaluate(() => document.activeElement?.tagName === "INPUT");
  for (let tries = 0; tries < 20 && !(await opened()); tries++) {
    await page.mouse.dblclick(700, 500); // a page that is still loading does not hear it
    await page.waitForTimeout(1500);
  }
  assert.ok(await opened(), "a double click opens no search");
  await page.keyboard.type(name);
  await page.getByText(name, { exact: false }).first().waitFor();
  for (let tries = 0; tries < 40 && !(await added(page)); tries++) {
    await page.waitForTimeout(500); // the list of what is found follows the typing at its own pace
    if (!(await added(page))) await page.keyboard.press("Enter");
  }
  await page.waitForFunction(() => window.app.rootGraph.nodes.length > 0);
  await comfy.frames(6);
  await page.mouse.click(700, 560);
  await comfy.frames(6);
}

function added(page) {
  return page.evaluate(() => window.app.rootGraph.nodes.length > 0);
}

/** Run the graph that is open; returns the video file that it saves. */
function saved(comfy) {
  return comfy.page.evaluate(async () => {
    const { app } = window;
    const file = new Promise((resolve, reject) => {
      app.api.addEventListener("executed", ({ detail }) => {
        const files = detail.output.images ?? detail.output.video ?? [];
        if (files[0]?.type === "output") resolve(files[0]);
      });
      app.api.addEventListener("execution_error", ({ detail }) => reject(new Error(detail.exception_message)));
    });
    await app.queuePrompt(0);
    return file;
  });
}

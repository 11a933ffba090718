/** Run check scripts, named as arguments, one after another on one page; see browser.mjs. Ends with 1 where one failed. */

import assert from "node:assert/strict";
import path from "node:path";
import { pathToFileURL } from "node:url";

import { Comfy, launch } from "./browser.mjs";

const browser = await launch();
let failed = 0;

async function check(name, body) {
  const started = Date.now();
  try {
    await body();
    console.log(`ok      ${name} (${Date.now() - started} ms)`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}\n${error.stack}`);
  }
}

try {
  const comfy = await Comfy.open(browser);
  for (const file of process.argv.slice(2)) {
    console.log(`# ${path.basename(file)}`);
    const { default: script } = await import(pathToFileURL(file));
    await check("the script runs to its end", () => script(comfy, check));
    await check("the page has nothing to complain about", () => assert.deepEqual(comfy.complaints.splice(0), []));
    await check("the page asks no other server for anything", () => assert.deepEqual(comfy.strangers.splice(0), []));
    await comfy.clear();
  }
} catch (error) {
  failed += 1;
  console.log(`FAILED  the page opens\n${error.stack}`);
}
await browser.close();
process.exit(failed ? 1 : 0);

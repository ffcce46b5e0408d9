// SPDX-License-Identifier: GPL-3.0-or-later
// Reads GLB files with Khronos' validator and three.js' GLTFLoader, and ends with 1 where one of them minds.
//
//     cd some/folder && npm install gltf-validator node-three-gltf three
//     node path/to/scripts/read_gltf.mjs FILE...
//
// It is part of the test suite where Node is, and build/readers has these packages, or is a link to a folder
// that has them. The packages are those of the current folder.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(`${process.cwd()}/`));
const packageOf = async (name) => await import(pathToFileURL(require.resolve(name)));
const validator = (await packageOf("gltf-validator")).default;
const { GLTFLoader } = await packageOf("node-three-gltf");

let errors = 0;
for (const path of process.argv.slice(2)) {
  const bytes = new Uint8Array(readFileSync(path));
  const { issues } = await validator.validateBytes(bytes);
  errors += issues.numErrors + issues.numWarnings;
  console.log(`${path}: ${issues.numErrors} errors, ${issues.numWarnings} warnings, ${issues.numInfos} notes`);
  for (const issue of issues.messages) console.log(`  ${issue.code} ${issue.pointer}: ${issue.message}`);
  const { scene } = await new GLTFLoader().parseAsync(bytes.buffer, "");
  scene.traverse((item) => {
    if (item.isMesh) console.log(`  ${item.name}: ${item.geometry.index.count / 3} triangles`);
  });
}
process.exit(errors ? 1 : 0);

// SPDX-License-Identifier: GPL-3.0-or-later
//
// A job type for Flamenco 3: spreads models to generate or optimize over the farm's workers.
// Put this file into the folder `scripts` beside flamenco-manager; docs/farm.md tells the rest.
//
// What is used of Flamenco is described at https://flamenco.blender.org/usage/job-types/ and in its list of
// commands (`exec`). The key is not part of a job: each worker has GENERIO_API_KEY in its environment.

const JOB_TYPE = {
    label: "GENERIO Flows",
    settings: [
        {
            key: "task", type: "string", required: true, default: "optimize", choices: ["optimize", "generate"],
            description: "Reduce the triangles of models, or make models from prompts and pictures",
        },
        {
            key: "models", type: "string", subtype: "file_path", default: "",
            description: "GLB files to optimize, or pictures to generate from, as a pattern such as /share/in/*.glb",
        },
        {
            key: "list", type: "string", subtype: "file_path", default: "",
            description: "A CSV or JSONL file with one model per line, instead of the pattern or in addition to it",
        },
        {
            key: "output", type: "string", subtype: "dir_path", required: true,
            description: "Folder that all workers share, for the results and the jobs' ledger",
        },
        {
            key: "polygons", type: "int32", default: 0,
            description: "Triangles to reduce each model to; 0 for the service's default, or for no reduction",
        },
        {
            key: "shards", type: "int32", default: 8,
            description: "Number of tasks to split the work into",
        },
        {
            key: "jobs_at_once", type: "int32", default: 4,
            description: "Number of models that each task has under way at once",
        },
    ],
};

function compileJob(job) {
    const settings = job.settings;
    if (!settings.models && !settings.list) {
        throw new Error("Give a pattern of models, or a list.");
    }
    if (settings.shards < 1) {
        throw new Error("The work cannot be split into fewer than one task.");
    }
    for (let shard = 1; shard <= settings.shards; shard++) {
        const task = author.Task(`generio-${shard}`, "blender");
        task.addCommand(author.Command("exec", {
            exe: "{blender}",
            args: ["--online-mode", "--command", "generio"].concat(wordsOf(settings, shard)),
        }));
        job.addTask(task);
    }
}

// The words of the command line for one shard.
function wordsOf(settings, shard) {
    const optimizes = settings.task === "optimize";
    const words = [settings.task];
    if (settings.models) {
        words.push(...(optimizes ? [] : ["--image"]), settings.models);
    }
    if (settings.list) {
        words.push("--list", settings.list);
    }
    if (settings.polygons > 0) {
        words.push(optimizes ? "--polygons" : "--optimize", String(settings.polygons));
    }
    words.push("--output", settings.output);
    words.push("--shard", `${shard}/${settings.shards}`);
    words.push("--jobs", String(settings.jobs_at_once));
    return words;
}

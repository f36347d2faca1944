// A server of resumable uploads on 127.0.0.1, at YouTube's path. Prints its port; says when a file is whole.
// node uploadx.js MODULES FOLDER
const http = require("http");
const { Uploadx, DiskStorage } = require(require("path").join(process.argv[2], "@uploadx/core"));

const storage = new DiskStorage({
  directory: process.argv[3],
  allowMIME: ["video/*"],
  path: "/upload/youtube/v3/videos",
  useRelativeLocation: false,
});
const uploads = new Uploadx({ storage });
uploads.on("completed", (file) => console.log(`whole ${file.size} ${JSON.stringify(file.metadata)}`));
// It takes the name of a file from the top of what describes it; YouTube's title lies deeper.
uploads.getMetadata = async (request) => {
  const given = await Uploadx.prototype.getMetadata.call(uploads, request);
  return given.snippet ? { ...given, name: given.snippet.title } : given;
};
const server = http.createServer((request, response) => uploads.handle(request, response));
server.listen(0, "127.0.0.1", () => console.log(`port ${server.address().port}`));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));

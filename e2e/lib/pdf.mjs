// What a PDF says, as poppler reads it.
import { spawnSync } from "node:child_process";

export function textOfPdf(bytes) {
  const { status, stdout, stderr } = spawnSync("pdftotext", ["-enc", "UTF-8", "-", "-"], { input: bytes });
  if (status !== 0) throw new Error(`not a PDF: ${stderr}`);
  return stdout.toString("utf8");
}

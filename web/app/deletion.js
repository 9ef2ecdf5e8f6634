/** @file Deleting a video: asked twice, and followed until it is gone. */

import { ApiError, inWords, isAbort } from "./api.js";
import { findVideo } from "./lookup.js";
import { poll } from "./polling.js";
import { confirmSheet } from "./sheet.js";

/**
 * Asks whether a video is to be deleted, deletes it, and waits until it is gone.
 * @param {{id: string, key: string}} video
 * @param {string} name what people know it by
 * @param {import("./types.js").Context} context
 * @param {{going: () => void, gone: () => void, kept: () => void}} tell `going`: it was meant; then one of the others
 */
export async function deleteVideo(video, name, { api, t, signal, toast }, { going, gone, kept }) {
  const sure = await confirmSheet({
    title: t("delete.title"),
    text: t("delete.text", { name }),
    yes: t("action.delete"),
    no: t("action.cancel"),
  });
  if (!sure || signal.aborted) return;
  going();
  try {
    // To leave the view in this moment is no reason to keep the video.
    await api.deleteVideo(video.id);
    await poll(async () => ((await findVideo(api, video, { signal })) === null ? "done" : "same"), { signal, first: 400, most: 5000 });
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) {
      // Somebody else was faster.
    } else {
      if (!isAbort(error)) toast(inWords(error, t), { kind: "error" });
      kept();
      return;
    }
  }
  if (signal.aborted) return;
  toast(t("delete.done"));
  gone();
}

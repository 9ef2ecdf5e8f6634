/** @file Whether a video is known, without an error where it is not: it may be new, or just deleted. */

const ALIKE = 50; // keys that begin with this one; there is hardly ever another

/**
 * Finds a video by its key.
 * @param {import("./api.js").Api} api
 * @param {{id: string, key: string}} video
 * @param {import("./api.js").Options} options
 * @returns {Promise<import("./types.js").Video | null>} null: nothing is known of it
 */
export async function findVideo(api, { id, key }, options) {
  const { videos } = await api.videos({ prefix: key, limit: ALIKE }, options);
  return videos.find((video) => video.video_id === id) ?? null;
}

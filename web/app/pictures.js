/**
 * @file Pictures that are searched by: made small, and kept with the tab, so that "back" and a reload find them again.
 */

import { ApiError } from "./api.js";

const SIDE = 512; // pixels of the shorter side: what is looked at are 224
const MOST = 4 * 1024 * 1024; // bytes; what the API takes
const PREFIX = "kadr.picture.";
const CLIPS = ["video/mp4", "video/quicktime", "video/webm"];

/** @type {Map<string, Blob>} */
const kept = new Map();

/** What a file picker is to offer. */
export const ACCEPTED = ["image/*", ...CLIPS].join(",");

/**
 * Keeps a picture or short clip and returns its name in addresses.
 * @param {Blob} file
 * @returns {Promise<string>}
 * @throws {ApiError} `not_an_image`, `too_large`
 */
export async function keepPicture(file) {
  const name = Array.from(crypto.getRandomValues(new Uint8Array(6)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const blob = CLIPS.includes(file.type) ? file : await smaller(file);
  if (blob.size > MOST) throw new ApiError("too_large", "the file has more than 4 MB");
  kept.set(name, blob);
  if (blob.type.startsWith("image/")) remember(name, await asDataUrl(blob));
  return name;
}

/**
 * The picture of that name; null where it is not known any more.
 * @param {string} name
 * @returns {Promise<Blob | null>}
 */
export async function pictureOf(name) {
  const here = kept.get(name);
  if (here) return here;
  let stored = null;
  try {
    stored = sessionStorage.getItem(PREFIX + name);
  } catch {
    // storage is switched off
  }
  const [, type, data] = /^data:(image\/\w+);base64,(.*)$/.exec(stored ?? "") ?? [];
  if (!type || !data) return null;
  const blob = new Blob([Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0))], { type });
  kept.set(name, blob);
  return blob;
}

/** @param {Blob} file */
async function smaller(file) {
  let image;
  try {
    image = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new ApiError("not_an_image", "this is neither a picture nor a clip");
  }
  const scale = Math.min(1, SIDE / Math.min(image.width, image.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(image.width * scale));
  canvas.height = Math.max(1, Math.round(image.height * scale));
  const pen = canvas.getContext("2d");
  if (pen === null) throw new ApiError("not_an_image", "the browser draws no pictures");
  pen.fillStyle = "#fff"; // what is see-through becomes white, as on most pages
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  image.close();
  /** @type {Blob | null} */
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.88));
  if (blob === null) throw new ApiError("not_an_image", "the picture cannot be read");
  return blob;
}

/** @param {Blob} blob @returns {Promise<string>} */
function asDataUrl(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(String(reader.result)));
    reader.addEventListener("error", () => reject(reader.error));
    reader.readAsDataURL(blob);
  });
}

/** @param {string} name @param {string} data */
function remember(name, data) {
  try {
    sessionStorage.setItem(PREFIX + name, data);
  } catch {
    // Full, or switched off: it is kept until the page is reloaded.
  }
}

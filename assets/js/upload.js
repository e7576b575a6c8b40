// form[data-upload]: shows what was chosen, shrinks pictures, sends with a progress bar. Without this file the
// same form is sent by the browser, unshrunk.

const LONGEST_SIDE_PX = 1600;
const JPEG_QUALITY = 0.8;

/** The picture as a smaller JPEG, or the file itself where that wouldn't be smaller or can't be read. */
async function shrink(file) {
  if (!/^image[/](jpeg|png|webp)$/.test(file.type) || !window.createImageBitmap) return file;
  try {
    const bitmap = await createImageBitmap(file);
    const scale = Math.min(1, LONGEST_SIDE_PX / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(bitmap.width * scale);
    canvas.height = Math.round(bitmap.height * scale);
    const context = canvas.getContext("2d");
    // JPEG has no transparency: clear parts of a screenshot would turn black.
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    bitmap.close();
    const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", JPEG_QUALITY));
    if (!blob || blob.size >= file.size) return file;
    return new File([blob], "receipt.jpg", { type: "image/jpeg" });
  } catch (error) {
    return file;
  }
}

function showPreview(input) {
  const box = input.closest("[data-upload-box]");
  const preview = box ? box.querySelector("[data-preview]") : null;
  if (!preview) return;
  const shown = preview.querySelector("img");
  if (shown) URL.revokeObjectURL(shown.src);
  preview.textContent = "";
  const file = input.files[0];
  preview.hidden = !file;
  if (!file) return;
  if (file.type.startsWith("image/")) {
    const picture = document.createElement("img");
    picture.alt = file.name;
    picture.src = URL.createObjectURL(file);
    preview.append(picture);
  } else {
    const name = document.createElement("bdi");
    name.textContent = file.name;
    preview.append(name);
  }
}

function showProgress(form, share) {
  const box = form.querySelector("[data-progress]");
  if (!box) return;
  const percent = Math.round(share * 100);
  box.hidden = share < 0;
  box.querySelector("progress").value = percent;
  box.querySelector("[data-percent]").textContent = pageDigits(percent) + (pageDigits("0") === "0" ? "%" : "٪");
}

function showUploadError(form, text) {
  showProgress(form, -1);
  releaseForm(form);
  const place = form.querySelector("[data-upload-error]");
  if (!place) return;
  place.hidden = !text;
  place.textContent = text;
}

/** Puts the answer in place of this page; navigating to it instead would cost its messages and a second load. */
function showAnswer(request, whole) {
  const answer = new DOMParser().parseFromString(request.responseText, "text/html");
  const main = answer.querySelector("main");
  if (!main) return false;
  document.title = answer.title || document.title;
  if (whole) {
    history.replaceState(null, "", request.responseURL);
    document.body.replaceWith(document.adoptNode(answer.body));
    window.scrollTo(0, 0);
  } else {
    document.querySelector("main").replaceWith(document.adoptNode(main));
  }
  htmx.process(document.body);
  followPage();
  const focus = document.querySelector("main [aria-invalid=true]") || document.querySelector("main");
  focus.focus();
  return true;
}

function finishUpload(form, request) {
  const redirect = request.getResponseHeader("HX-Redirect");
  const moved = request.responseURL.split("#")[0] !== form.action.split("#")[0];
  if (redirect) location.assign(redirect);
  else if (request.status < 400 && moved) showAnswer(request, true) || location.assign(request.responseURL);
  else if (!showAnswer(request, false)) showUploadError(form, form.dataset.offline || "");
}

async function sendUpload(form, submitter) {
  const data = new FormData(form);
  if (submitter && submitter.name) data.append(submitter.name, submitter.value);
  showProgress(form, 0);
  for (const input of form.querySelectorAll("input[type=file]")) {
    if (!input.files[0]) continue;
    const file = await shrink(input.files[0]);
    data.set(input.name, file, file.name);
  }
  const request = new XMLHttpRequest();
  request.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) showProgress(form, event.loaded / event.total);
  });
  request.addEventListener("load", () => finishUpload(form, request));
  for (const failure of ["error", "timeout", "abort"]) {
    request.addEventListener(failure, () => showUploadError(form, form.dataset.offline || ""));
  }
  request.open("POST", form.action);
  request.send(data);
}

listen("change", "[data-upload] input[type=file]", (event, input) => {
  showUploadError(input.form, "");
  showPreview(input);
});

listen("submit", "form[data-upload]", (event, form) => {
  event.preventDefault();
  showUploadError(form, "");
  holdForm(form, event.submitter);
  sendUpload(form, event.submitter);
});

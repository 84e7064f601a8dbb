// Takes pictures with a camera and puts them into the file inputs of a form. Without it, the inputs work as they are.
"use strict";
(() => {
  const LONGEST = 2400; // pixels: what is kept, and far below what is taken
  const SMALLEST = 64; // pixels: until the first picture comes, a camera may say that it is two pixels wide
  for (const form of document.querySelectorAll("form[data-camera]")) {
    if (!navigator.mediaDevices || !navigator.mediaDevices.getUserMedia) continue;
    const words = JSON.parse(form.dataset.words);
    for (const input of form.querySelectorAll("input[type=file]")) offer(form, input, words);
  }

  function offer(form, input, words) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "secondary outline";
    button.textContent = words.open;
    const label = form.querySelector(`label[for="${input.id}"]`);
    button.setAttribute("aria-label", `${words.open}: ${label ? label.textContent : input.name}`);
    input.after(button);
    button.addEventListener("click", () => open(form, input, button, words));
  }

  async function open(form, input, button, words) {
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: form.dataset.camera, width: { ideal: 1920 }, height: { ideal: 1080 } },
      });
    } catch (refused) {
      say(button, words.none);
      return;
    }
    const video = document.createElement("video");
    video.className = "viewer";
    video.autoplay = video.muted = video.playsInline = true;
    video.srcObject = stream;
    const take = document.createElement("button");
    take.type = "button";
    take.textContent = words.take;
    take.dataset.take = input.name;
    take.disabled = true;
    button.hidden = true;
    button.after(video, take);
    const ready = () => {
      if (!take.disabled || video.videoWidth < SMALLEST) return;
      take.disabled = false;
      take.focus();
    };
    for (const event of ["playing", "resize", "timeupdate"]) video.addEventListener(event, ready);
    const close = () => {
      for (const track of stream.getTracks()) track.stop();
      video.remove();
      take.remove();
      button.hidden = false;
      button.focus();
    };
    take.addEventListener("click", () => {
      const scale = Math.min(1, LONGEST / Math.max(video.videoWidth, video.videoHeight));
      const canvas = document.createElement("canvas");
      canvas.width = Math.round(video.videoWidth * scale);
      canvas.height = Math.round(video.videoHeight * scale);
      canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => {
        const files = new DataTransfer();
        files.items.add(new File([blob], `${input.name}.jpg`, { type: "image/jpeg" }));
        input.files = files.files;
        source(form);
        preview(input, blob);
        close();
      }, "image/jpeg", 0.92);
    });
  }

  function source(form) {
    let field = form.querySelector("input[name=source]");
    if (!field) {
      field = document.createElement("input");
      field.type = "hidden";
      field.name = "source";
      form.append(field);
    }
    field.value = "camera";
  }

  function preview(input, blob) {
    const old = input.parentElement.querySelector("img.taken");
    if (old) old.remove();
    const image = document.createElement("img");
    image.className = "taken";
    image.alt = "";
    image.src = URL.createObjectURL(blob);
    input.before(image);
  }

  function say(button, text) {
    let note = button.parentElement.querySelector("[role=status]");
    if (!note) {
      note = document.createElement("small");
      note.setAttribute("role", "status");
      button.after(note);
    }
    note.textContent = text;
  }
})();

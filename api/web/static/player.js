// Plays a terminal's recording where the page has a place for it; the transcript below says the same.
"use strict";

for (const place of document.querySelectorAll(".player[data-cast]")) {
  AsciinemaPlayer.create(place.dataset.cast, place, { fit: "width", idleTimeLimit: 2, preload: true, poster: "npt:0:1" });
}

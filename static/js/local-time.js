// A moment as the clock on this desk shows it: "14:02", with the day before it when that is not today.

export function localTime(moment) {
  const at = new Date(moment);
  const clock = at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  if (at.toDateString() === new Date().toDateString()) return clock;
  return `${at.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" })}, ${clock}`;
}

// How long the rest will take, from how long the last files took.

const WINDOW = 20;
const LEAST = 3;

export class Pace {
  constructor() {
    this.taken = [];
  }

  note(ms) {
    this.taken = [...this.taken, ms].slice(-WINDOW);
  }

  // In words, or nothing while too few were measured to say.
  left(files) {
    if (this.taken.length < LEAST || !files) return "";
    const mean = this.taken.reduce((sum, ms) => sum + ms, 0) / this.taken.length;
    return `${inWords(mean * files)} left at the pace of the last files`;
  }
}

export function inWords(ms) {
  const minutes = Math.ceil(ms / 60_000);
  if (minutes <= 1) return "Less than a minute";
  if (minutes < 90) return `About ${minutes} minutes`;
  return `About ${Math.round(minutes / 60)} hours`;
}

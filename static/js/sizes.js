// Bytes in the unit a file manager would show.

const UNITS = [[1e9, "GB"], [1e6, "MB"]];

export function size(bytes) {
  const found = UNITS.find(([least]) => bytes >= least);
  return found ? `${(bytes / found[0]).toFixed(1)} ${found[1]}` : `${Math.ceil(bytes / 1e3)} KB`;
}

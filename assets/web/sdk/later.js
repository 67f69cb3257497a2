// What is known later, and what nobody has caught.

/** A promise with what settles it. */
export function deferred() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}

/** As an error that nobody has caught, which keeps nothing else from being done. */
export function report(error) {
  if (globalThis.reportError) globalThis.reportError(error);
  else queueMicrotask(() => { throw error; });
}

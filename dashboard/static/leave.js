/**
 * Mounted where a session has ended: the page leads to the sign-in.
 */

export default () => {
  const here = location.pathname + location.search;
  location.replace(`/sign-in?ended=1&next=${encodeURIComponent(here)}`);
};

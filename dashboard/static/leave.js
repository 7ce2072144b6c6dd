/**
 * Leads out of the app: to the sign-in where a session has ended, or where it is told.
 */

export default ({ data }) => {
  const here = location.pathname + location.search;
  location.replace(data?.to || `/sign-in?ended=1&next=${encodeURIComponent(here)}`);
};

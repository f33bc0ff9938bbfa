// A page that the browser kept from before the sign-out is loaded again when somebody goes back to it.

addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

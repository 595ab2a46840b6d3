// Shows the API's description with the Swagger UI that this service carries itself.
window.SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger",
  deepLinking: true,
  validatorUrl: null,
  tryItOutEnabled: true,
});

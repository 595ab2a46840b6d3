// Shows the API's description with the Swagger UI that this service carries itself.
import { token } from "./session.js";

window.SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger",
  deepLinking: true,
  validatorUrl: null,
  tryItOutEnabled: true,
  async requestInterceptor(request) {
    const bearer = await token(); // whoever signed in at the console, in this tab
    if (bearer && !request.headers.Authorization) request.headers.Authorization = `Bearer ${bearer}`;
    return request;
  },
});

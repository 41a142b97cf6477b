/**
 * The API's own description, drawn by Swagger UI.
 */
window.SwaggerUIBundle({ url: "/openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null });

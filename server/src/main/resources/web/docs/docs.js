// Shows the API document. The token that is entered under "Authorize" stays in this page and is gone when it is closed.
SwaggerUIBundle({
  url: '/v1/openapi.yaml',
  dom_id: '#api',
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  persistAuthorization: false,
  validatorUrl: null
});

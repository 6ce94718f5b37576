# P18, what is stored about people.
privacy-title = Qué guardamos sobre usted
privacy-intro = Esta red guarda registros para funcionar, para encontrar fallos y para investigar abusos. Cada tipo se borra por sí solo cuando termina su plazo:
privacy-decisions = Cuándo pidió conectarse y la respuesta
privacy-decisions-why = Hora, dirección del dispositivo, nombre de usuario, lugar, resultado y motivo: para averiguar por qué algo no funciona e investigar abusos.
privacy-accounting = Cuándo estuvo conectado
privacy-accounting-why = Inicio, fin y cantidad de datos, sin lo que consultó: para encontrar fallos y abusos.
privacy-sessions = Dónde estuvo conectado
privacy-sessions-why = Puerto del conmutador o red inalámbrica, su dirección allí y cómo inició sesión su dispositivo la última vez: para encontrar fallos, llegar al dispositivo correcto y detectar una copia de él.
privacy-guests = Lo que nos indicó como visitante
privacy-guests-why = Nombre, contacto y a quién visita, según pida el formulario: para darle acceso. Cuenta desde el fin de su acceso.
privacy-acceptances = Qué condiciones aceptó
privacy-acceptances-why = Versión y hora: para poder demostrarlo.
privacy-days = { $count ->
    [one] Se borra después de 1 día.
   *[other] Se borra después de { $count } días.
}
privacy-not-stored = No guardamos qué páginas visita ni lo que envía.
privacy-last-run = Último borrado: { $time }. Registros eliminados: { $count }.
privacy-no-run = El primer borrado aún no se ha hecho.
privacy-yours = Sus propios datos
privacy-nobody = No sabemos qué dispositivo usa. Conéctelo a esta red y abra esta página en él para ver sus datos.
privacy-device = Reconocemos este dispositivo solo por su dirección de hardware, que otros cerca podrían imitar. Por eso ve únicamente lo que pertenece a la conexión actual.
privacy-person = Está conectado como { $name } y puede obtener todo lo guardado con ese nombre.
privacy-guest = Lo que nos indicó
privacy-name = Nombre
privacy-email = Correo electrónico
privacy-phone = Teléfono
privacy-company = Empresa
privacy-export = Descargar mis datos (JSON)
privacy-erase-title = Borrar lo que nos indicó
privacy-erase-what = Esto borra su registro de visitante y nuestros correos, y termina su acceso ahora. Los registros de conexión, que no contienen su nombre, quedan hasta que termine su plazo.
privacy-erase = Borrar y desconectar
privacy-erased-title = Borrado
privacy-erased = Lo que nos indicó está borrado y su acceso termina ahora. Para registrarse de nuevo quizá tenga que volver a conectarse.
privacy-nobody-to-erase = Desde esta conexión no hay ningún registro de visitante que se pueda borrar aquí. Pregunte a quienes administran esta red.
privacy-ask = Para corregir o borrar algo, pregunte a quienes administran esta red e indíqueles el código de asistencia de abajo.
privacy-signed-in = Ha iniciado sesión como { $name } y puede obtener todo lo guardado con este nombre, de todas las conexiones.
privacy-export-mine = Descargar todo (JSON)
privacy-here = Esta conexión
privacy-mine-why = ¿Tiene una cuenta aquí?
privacy-ask-title = Pedir que se borre o corrija algo
privacy-ask-what = Lo que usted mismo registró, lo quita usted mismo en Mis dispositivos. Para lo demás, escriba qué se debe borrar o corregir, o qué consentimiento retira; los responsables de esta red lo leen y deciden.
privacy-ask-text = ¿Qué se debe hacer?
privacy-ask-send = Enviar la petición
privacy-asked = Hizo una petición el { $at }. Los responsables de esta red la tienen.
privacy-asked-now = Su petición ha quedado registrada.
